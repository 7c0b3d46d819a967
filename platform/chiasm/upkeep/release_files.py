"""What a release's folder should hold; read without torch."""

from __future__ import annotations

import json
from pathlib import Path

from chiasm.errors import DamagedError, NotFoundError

__all__ = ["read_manifest"]


def read_manifest(folder: Path) -> dict[str, str]:
    """Name to SHA-256 of each file of a release.

    Raises:
        NotFoundError: There is no release.json.
        DamagedError: It cannot be read, or names a file outside the folder.
    """
    path = folder / "release.json"
    try:
        files = json.loads(path.read_text(encoding="utf-8"))["files"]
        sums = {str(name): str(digest) for name, digest in files.items()}
    except FileNotFoundError:
        raise NotFoundError("file is missing", where=str(path)) from None
    except (ValueError, KeyError, AttributeError, TypeError) as error:
        raise DamagedError(f"cannot be read: {error}"[:200], where=str(path)) from error
    for name in sums:
        if Path(name).is_absolute() or ".." in Path(name).parts:
            raise DamagedError(f"names {name!r}, which is outside", where=str(path))
    return sums
