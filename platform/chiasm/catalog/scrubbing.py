"""Overwriting what deleted rows leave behind in the database's own files."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import Any

from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from chiasm.catalog.catalog import Catalog
from chiasm.catalog.full_text import merge_index

__all__ = ["overwrite_deleted", "scrub"]

#: A rewrite of a larger file would keep all writers waiting for longer than a lease.
_MAX_VACUUM_BYTES = 2**30
#: What holds users' content.
_TABLES = (
    "asset",
    "asset_text",
    "entity",
    "entity_merge",
    "failure",
    "job",
    "merge_part",
    "triple",
    "work_unit",
)


def overwrite_deleted(session: Session) -> None:
    """Have SQLite overwrite with zeros what this transaction deletes; other databases decide by themselves."""
    if session.get_bind().dialect.name == "sqlite":
        session.execute(text("PRAGMA secure_delete=ON"))


def scrub(catalog: Catalog) -> list[str]:
    """What may still be found of deleted rows, after the database's files were rewritten without them."""
    if catalog.engine.dialect.name != "sqlite":
        return _scrub_server(catalog)
    try:
        merge_index(catalog)
        # Also what earlier changes left in free pages and in gaps of pages.
        return _scrub_file(catalog)
    except DBAPIError as error:
        return [f"free pages of the catalog could not be overwritten: {error.orig}"]


def _scrub_file(catalog: Catalog) -> list[str]:
    path = Path(catalog.engine.url.database or "")
    remaining = []
    with closing(catalog.engine.raw_connection()) as connection:
        cursor = connection.cursor()
        if path.stat().st_size <= _MAX_VACUUM_BYTES:
            _execute(cursor, "VACUUM")
        else:
            remaining.append(
                "the catalog is too large to be rewritten while it is used: free pages may hold what was "
                "changed or deleted earlier; run VACUUM on it when nobody works"
            )
        busy = _execute(cursor, "PRAGMA wal_checkpoint(TRUNCATE)")
        if busy and busy[0]:
            remaining.append("the catalog's write-ahead log is being read: it is overwritten when it fills")
        cursor.close()
    return remaining


def _execute(cursor: Any, statement: str) -> Any:
    import sqlite3

    try:
        cursor.execute(statement)
        return cursor.fetchone()
    except sqlite3.OperationalError as error:
        raise DBAPIError(statement, None, error) from error


def _scrub_server(catalog: Catalog) -> list[str]:
    with catalog.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        for table in _TABLES:
            connection.execute(text(f'VACUUM "{table}"'))
    return [
        "the database server's write-ahead log, its replicas and pages that were freed but not yet reused: "
        "they are its administrator's"
    ]
