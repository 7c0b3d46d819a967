"""Work beside a name that is taken only when all is there."""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from chiasm.errors import ChiasmError, UsageError

__all__ = ["aside"]


@contextmanager
def aside(target: Path, what: str) -> Iterator[Path]:
    """A folder beside the target; gone afterwards whatever happens, unless it was renamed.

    Args:
        target: File or folder that will be made; its parent is there.
        what: Name of the work, for errors.

    Raises:
        UsageError: The target's parent is not there.
        ChiasmError: The disk refused something.
    """
    scratch = target.parent / f".{target.name}.{uuid.uuid4().hex}.part"
    try:
        scratch.mkdir()
    except FileNotFoundError as error:
        raise UsageError(
            "there is no such folder", where=str(target.parent), remedy="make it first"
        ) from error
    try:
        yield scratch
    except OSError as error:
        raise ChiasmError(
            f"the {what} cannot be written: {error.strerror or error}",
            where=str(error.filename or target),
            remedy="make room, or choose another place; nothing half done was left",
        ) from error
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
