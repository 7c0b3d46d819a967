"""How processes on one machine tell each other that something was committed."""

from __future__ import annotations

import mmap
import os
import threading
from contextlib import suppress
from pathlib import Path

__all__ = ["CommitSignal"]

_BYTES = 8


class CommitSignal:
    """Eight bytes beside a SQLite file, mapped by all who write and watch it; other ones after each commit.

    A writer changes them after its commit and before it says that it is done, so whoever looks afterwards sees it at
    the price of a read from memory (a system call costs a search 1.5 %). They carry no meaning and need no lock: a
    writer that dies in between, or that does not know of them, is noticed by who asks SQLite now and then. As with
    SQLite's own shared memory beside it, cutting the file to nothing ends the processes that have it mapped.

    Args:
        path: The database's.
    """

    def __init__(self, path: Path) -> None:
        #: The database's.
        self.database = path
        self._path = path.with_name(f"{path.name}-commits")
        self._lock = threading.Lock()
        self._mapped: mmap.mmap | None = None
        self._tried = False

    def tell(self) -> None:
        """Say that something was committed; quietly nothing where the file cannot be written."""
        mapped = self._open()
        if mapped is not None:
            # Not a counter: two who add one at a time could leave what somebody has seen.
            mapped[:_BYTES] = os.urandom(_BYTES)

    def told(self) -> bytes | None:
        """What stands there now; None where there is no such file and none can be made."""
        mapped = self._open()
        return None if mapped is None else mapped[:_BYTES]

    def _open(self) -> mmap.mmap | None:
        if self._tried:
            return self._mapped
        with self._lock:
            if not self._tried:
                with suppress(OSError):
                    self._mapped = _mapped(self._path)
                self._tried = True
        return self._mapped


def _mapped(path: Path) -> mmap.mmap:
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
    try:
        if os.fstat(handle).st_size < _BYTES:
            os.ftruncate(handle, _BYTES)
        return mmap.mmap(handle, _BYTES)
    finally:
        os.close(handle)
