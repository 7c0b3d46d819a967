"""Who copies a space's files keeps them from being collected meanwhile, on every process of the machine."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

__all__ = ["collecting", "kept", "merging"]

_LOCK = ".keep"


@contextmanager
def kept(root: Path) -> Iterator[None]:
    """While inside, no segment's files are deleted; waits for a collection that is under way."""
    # The lock ends with the process that holds it: nothing is left behind that somebody must clear away.
    with _open(root) as file:
        fcntl.flock(file, fcntl.LOCK_SH)
        yield


@contextmanager
def collecting(root: Path) -> Iterator[bool]:
    """Whether files may be deleted while inside; False while somebody keeps them."""
    with _open(root) as file:
        yield _alone(file)


@contextmanager
def merging(root: Path, space_id: int) -> Iterator[bool]:
    """Whether nobody else on this machine merges the space's segments while inside.

    Two machines that do so at once lose time and nothing else.
    """
    with _open(root, f".merge-{space_id}") as file:
        yield _alone(file)


def _alone(file: int) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


@contextmanager
def _open(root: Path, name: str = _LOCK) -> Iterator[int]:
    root.mkdir(parents=True, exist_ok=True)
    with (root / name).open("ab") as file:
        yield file.fileno()
