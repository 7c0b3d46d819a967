"""The catalog as it was at one moment, to be read at leisure while others write."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from sqlalchemy import Connection, select

from chiasm.catalog import Catalog
from chiasm.errors import ChiasmError

__all__ = ["catalog_at_one_moment"]


@contextmanager
def catalog_at_one_moment(catalog: Catalog, scratch: Path) -> Iterator[Connection]:
    """A connection that sees one consistent state.

    SQLite copies itself aside, as a long reader would keep its log from being folded into the file;
    PostgreSQL reads one snapshot.

    Args:
        catalog: What is in use.
        scratch: An empty folder with room for a copy of the catalog.
    """
    if catalog.engine.dialect.name != "sqlite":
        with catalog.engine.connect() as connection:
            options = {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
            with connection.execution_options(**options).begin():
                # The moment is that of the first query, not of BEGIN.
                connection.execute(select(1))
                yield connection
        return
    copy = scratch / "catalog.sqlite"
    try:
        with closing(catalog.engine.raw_connection()) as raw:
            raw.cursor().execute("VACUUM INTO ?", (str(copy),))
    except sqlite3.Error as error:
        raise ChiasmError(
            f"the catalog cannot be copied: {error}",
            where=str(scratch.parent),
            remedy="make room there for a copy of it, or run `chiasm doctor`",
        ) from error
    frozen = Catalog(f"sqlite:///{copy}")
    try:
        with frozen.engine.connect() as connection:
            yield connection
    finally:
        frozen.close()
