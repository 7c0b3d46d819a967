"""How processes on one machine tell each other that something was committed."""

from __future__ import annotations

import os
import threading
import weakref
from contextlib import suppress
from pathlib import Path

__all__ = ["CommitSignal"]

_BYTES = 8


class CommitSignal:
    """Eight bytes beside a SQLite file, other ones after each commit.

    A writer changes them after its commit and before it says that it is done, so whoever looks afterwards sees it at
    the price of reading them. They carry no meaning and need no lock: a writer that dies in between, or that does not
    know of them, is noticed by who asks SQLite now and then. Read, not mapped: a map of a file that somebody cuts is a
    bus error.

    Args:
        path: The database's.
    """

    def __init__(self, path: Path) -> None:
        #: The database's.
        self.database = path
        self._path = path.with_name(f"{path.name}-commits")
        self._lock = threading.Lock()
        self._handle: int | None = None
        self._tried = False

    def tell(self) -> None:
        """Say that something was committed; quietly nothing where the file cannot be written."""
        handle = self._open()
        if handle is not None:
            with suppress(OSError):
                # Not a counter: two who add one at a time could leave what somebody has seen.
                os.pwrite(handle, os.urandom(_BYTES), 0)

    def told(self) -> bytes | None:
        """What stands there now; None where there is no such file and none can be made."""
        handle = self._open()
        if handle is None:
            return None
        try:
            return os.pread(handle, _BYTES, 0)
        except OSError:
            return None

    def _open(self) -> int | None:
        if self._tried:
            return self._handle
        with self._lock:
            if not self._tried:
                with suppress(OSError):
                    self._handle = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
                    # Whoever holds a catalog need not close it.
                    weakref.finalize(self, os.close, self._handle)
                self._tried = True
        return self._handle
