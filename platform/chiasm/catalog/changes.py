"""Whether anything was committed since the last look, without asking for anything."""

from __future__ import annotations

import sqlite3
import threading

from sqlalchemy.engine import Engine

__all__ = ["Changes"]


class Changes:
    """A mark that differs after every commit of anybody; safe to share between threads.

    SQLite counts commits for its own caches (`PRAGMA data_version`): a look costs microseconds, reads no table
    and waits for no writer. A server has nothing of the kind: there no mark is known, and each look asks.
    """

    def __init__(self, engine: Engine) -> None:
        self._path = engine.url.database if engine.dialect.name == "sqlite" else None
        self._lock = threading.Lock()
        self._connection: sqlite3.Connection | None = None
        self._epoch = 0

    def mark(self) -> int | None:
        """Equal marks, other than None, stand for equal content."""
        if not self._path:
            return None
        # Marks of different connections do not compare.
        with self._lock:
            try:
                return self._look(self._path)
            except sqlite3.Error:
                # Whoever asks the catalog itself next is told what is wrong.
                self._close()
                return None

    def close(self) -> None:
        """Give the connection back."""
        with self._lock:
            self._close()

    def _look(self, path: str) -> int:
        if self._connection is None:
            self._connection = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
            # A connection counts from where it likes: nothing known may outlive the one before.
            self._epoch += 1
        (version,) = self._connection.execute("PRAGMA data_version").fetchone()
        return (self._epoch << 40) + int(version)

    def _close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None
