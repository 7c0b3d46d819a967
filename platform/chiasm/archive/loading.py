"""Rows of a backup into an empty database, in the caller's transaction."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

from sqlalchemy import JSON, Connection, MetaData, Table, func, insert, inspect, select
from sqlalchemy.exc import SQLAlchemyError

from chiasm.archive.counters import set_counters
from chiasm.archive.rows import tables_in_order
from chiasm.archive.staging import Staged
from chiasm.archive.watch import Step, Watch
from chiasm.catalog.models import Base
from chiasm.errors import ConflictError, DamagedError, InputError

__all__ = ["Row", "load_tables", "prepare_schema"]

Row = dict[str, Any]
#: Sees each row before it is written, may change it, and refuses what does not fit by an error.
Inspect = Callable[[str, Row], None]

_BATCH = 1000
_REMEDY = "use another backup; nothing of this one was taken over"


def prepare_schema(connection: Connection, revision: str, where: str) -> None:
    """An empty schema of this revision, whatever empty one was there.

    Raises:
        ConflictError: A table holds rows already.
        InputError: The revision is of a newer Chiasm.
    """
    from chiasm_migrations.upgrade import knows_revision, upgrade_within

    if not knows_revision(revision):
        raise InputError(
            f"the backup's schema {revision[:40]!r} is not known here",
            where=where,
            remedy="restore it with the Chiasm that wrote it, or a newer one",
        )
    ours = {*Base.metadata.tables, "alembic_version"} & set(inspect(connection).get_table_names())
    for table in tables_in_order():
        name = table.name
        rows = name in ours and connection.scalar(select(func.count()).select_from(table))
        if rows and name != "workspace":
            raise ConflictError(
                f"the database is not empty: its table {name!r} has {rows} rows",
                where=connection.engine.url.render_as_string(hide_password=True),
                remedy="restore into an empty home or database",
            )
    # A fresh home has tables and a workspace; they may be of a newer revision than the backup's.
    found = MetaData()
    found.reflect(connection, only=sorted(ours))
    found.drop_all(connection)
    upgrade_within(connection, revision)


def load_tables(connection: Connection, staged: Staged, where: str, check: Inspect, watch: Watch) -> None:
    """Insert the rows of a backup and set what ids come next.

    Raises:
        DamagedError: Rows are missing, or do not fit their table.
    """
    folder, manifest = staged.folder / "tables", staged.manifest
    counts: dict[str, int] = manifest["tables"]
    schema = MetaData()
    schema.reflect(connection, only=lambda name, _: name in Base.metadata.tables)
    stray = {path.name for path in folder.iterdir()} - set(schema.tables) if folder.exists() else set()
    if stray:
        raise InputError(f"there is no table {min(stray)!r}", where=where, remedy=_REMEDY)
    for table in schema.sorted_tables:
        if (folder / table.name).is_dir() or counts.get(table.name):
            try:
                loaded = _load(connection, table, folder / table.name, check, watch)
            except (SQLAlchemyError, ValueError, TypeError, AttributeError, RecursionError) as error:
                reason = str(getattr(error, "orig", error)).splitlines()[0][:200]
                raise DamagedError(
                    f"its rows do not fit: {reason}", where=f"{where}: tables/{table.name}", remedy=_REMEDY
                ) from error
            if loaded != counts.get(table.name):
                raise DamagedError(
                    f"{loaded} rows instead of {counts.get(table.name)}",
                    where=f"{where}: tables/{table.name}",
                    remedy=_REMEDY,
                )
    set_counters(connection, schema, manifest.get("counters") or {})


def _load(connection: Connection, table: Table, folder: Path, check: Inspect, watch: Watch) -> int:
    for column in table.columns:
        if isinstance(column.type, JSON):
            # What was absent stays absent: the word null is another value.
            column.type.none_as_null = True
    names = {column.name for column in table.columns}
    rows, loaded = _rows(folder), 0
    while batch := list(islice(rows, _BATCH)):
        for row in batch:
            if not isinstance(row, dict) or row.keys() != names:
                raise ValueError("the columns are not the table's")
            check(table.name, row)
        connection.execute(insert(table), batch)
        loaded += len(batch)
        watch(Step(f"loading {table.name}", loaded))
    return loaded


def _rows(folder: Path) -> Iterator[Any]:
    for part in sorted(folder.glob("*.jsonl"), key=lambda path: int(path.stem)):
        with part.open("rb") as file:
            for line in file:
                yield json.loads(line)
