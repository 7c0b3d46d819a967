"""Whether anything was committed since: much cheaper than asking what."""

from __future__ import annotations

import sqlite3
import threading
from contextlib import closing
from pathlib import Path

from chiasm.catalog.catalog import Catalog

__all__ = ["CommitWatch"]


class CommitWatch:
    """Marks of the moment on SQLite; elsewhere there are none.

    `PRAGMA data_version` counts the commits of all connections but the one that asks, of this and of other
    processes, and costs some microseconds. Each thread asks on a connection of its own, which never writes.

    Args:
        catalog: Whose database is watched.
    """

    def __init__(self, catalog: Catalog) -> None:
        url = catalog.engine.url
        watched = url.get_backend_name() == "sqlite" and url.database not in (None, "", ":memory:")
        self._path = Path(url.database or "").resolve() if watched else None
        self._local = threading.local()

    def mark(self) -> int | None:
        """The mark of this moment; equal ones of one thread mean that nobody committed between them.

        None where the database gives none.
        """
        if self._path is None:
            return None
        try:
            cursor = self._local.cursor
        except AttributeError:
            cursor = self._open()
        if cursor is None:
            return None
        try:
            version: int = cursor.execute("PRAGMA data_version").fetchone()[0]
        except sqlite3.Error:
            # Busy at this moment, say: the caller looks properly.
            return None
        return version

    def _open(self) -> sqlite3.Cursor | None:
        assert self._path is not None
        try:
            connection = sqlite3.connect(f"{self._path.as_uri()}?mode=ro", uri=True, isolation_level=None)
            with closing(connection.execute("SELECT 1")) as cursor:
                cursor.fetchone()
        except sqlite3.Error:
            self._local.cursor = None
            return None
        self._local.cursor = connection.cursor()
        return self._local.cursor
