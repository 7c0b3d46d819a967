"""Whether anything was committed since: much cheaper than asking what."""

from __future__ import annotations

import sqlite3
import threading
import time
from contextlib import closing

from chiasm.catalog.catalog import Catalog

__all__ = ["CommitWatch", "Mark"]

#: What a moment is known by.
Mark = tuple[bytes | None, int]

#: So long the signal alone is believed. It misses who commits by other means than `Catalog.write`, and who dies
#: between the commit and its signal.
_BELIEVED_S = 0.1


class CommitWatch:
    """Marks of the moment on SQLite; elsewhere there are none.

    `PRAGMA data_version` counts the commits of all connections but the one that asks, of this and of other
    processes. It costs 2 us, but 13 between searches, whose code and pages are others; so it is asked when the
    signal of our own writers changes, and now and then. Each thread asks on a connection of its own, which never writes.

    Args:
        catalog: Whose database is watched.
    """

    def __init__(self, catalog: Catalog) -> None:
        self._signal = catalog.signal
        self._local = threading.local()

    def mark(self) -> Mark | None:
        """The mark of this moment; equal ones of one thread mean that nobody committed between them.

        None where the database gives none. What was committed by other means than ours shows within a tenth of a second.
        """
        if self._signal is None:
            return None
        told = self._signal.told()
        local = self._local.__dict__
        mark: Mark | None = local.get("mark")
        if mark is not None and told is not None and mark[0] == told and time.monotonic() < local["until"]:
            return mark
        return self._look(told)

    def _look(self, told: bytes | None) -> Mark | None:
        local = self._local.__dict__
        cursor = local["cursor"] if "cursor" in local else self._open()
        if cursor is None:
            return None
        until = time.monotonic() + _BELIEVED_S
        try:
            version: int = cursor.execute("PRAGMA data_version").fetchone()[0]
        except sqlite3.Error:
            # Busy at this moment, say: the caller looks properly.
            return None
        # The signal was read first: what is committed in between changes one of the two later.
        local["mark"], local["until"] = (told, version), until
        return told, version

    def _open(self) -> sqlite3.Cursor | None:
        assert self._signal is not None
        where = f"{self._signal.database.as_uri()}?mode=ro"
        try:
            connection = sqlite3.connect(where, uri=True, isolation_level=None)
            with closing(connection.execute("SELECT 1")) as cursor:
                cursor.fetchone()
        except sqlite3.Error:
            self._local.cursor = None
            return None
        self._local.cursor = connection.cursor()
        return self._local.cursor
