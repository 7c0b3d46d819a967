"""Seals: a hash over the facts of a row, by which damage to the database's own file is found.

Every writer leaves `row_hash` alone: a trigger clears it whenever a fact of the row changes, and idle workers (and
`chiasm doctor`) compute it for the rows that have none. What changes a row without SQL, a flipped bit on a disk,
clears nothing, and then facts and hash disagree.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, NamedTuple

from sqlalchemy import JSON, Connection, Table, Text, bindparam, cast, func, select, update
from sqlalchemy.exc import DatabaseError
from sqlalchemy.orm import Session

from chiasm.catalog.catalog import Catalog
from chiasm.catalog.models import Asset, Entity, Job
from chiasm.catalog.models.seals import FACTS

__all__ = ["DamagedRow", "broken_rows", "broken_rows_of", "seal_rows", "unsealed_rows"]

_TABLES: tuple[Any, ...] = (Entity.__table__, Asset.__table__, Job.__table__)
#: Rows sealed in one transaction, and read at a time.
_BATCH, _PAGE = 500, 5000


class DamagedRow(NamedTuple):
    """A row that is not what was written."""

    table: str
    id: int
    workspace_id: int | None


def seal_rows(catalog: Catalog, limit: int = 10 * _BATCH) -> int:
    """Seal rows that have no seal; how many (at most `limit`, in short transactions)."""
    sealed = 0
    for table in _TABLES:
        while sealed < limit:
            with catalog.read() as session:
                if session.scalar(_open(table).limit(1)) is None:
                    break
            with catalog.write() as session:
                sealed += _seal(session, table)
    return sealed


def unsealed_rows(catalog: Catalog) -> int:
    """How many rows have no seal yet."""
    with catalog.read() as session:
        counts = (
            select(func.count()).select_from(table).where(table.c.row_hash.is_(None)) for table in _TABLES
        )
        return sum(session.scalar(statement) or 0 for statement in counts)


def broken_rows(catalog: Catalog) -> Iterator[DamagedRow]:
    """Rows that disagree with their seal, or cannot be read at all."""
    yield from _all_broken(catalog.read)


def broken_rows_of(connection: Connection) -> Iterator[DamagedRow]:
    """As `broken_rows`, of what an open connection sees."""
    yield from _all_broken(lambda: Session(connection))


def _all_broken(reading: Callable[[], AbstractContextManager[Session]]) -> Iterator[DamagedRow]:
    for table in _TABLES:
        after = 0
        while True:
            with reading() as session:
                page = table.c.id > after
                ids = session.scalars(select(table.c.id).where(page).order_by(table.c.id).limit(_PAGE)).all()
                if not ids:
                    break
                after = ids[-1]
                yield from _broken(session, table, ids)


def _open(table: Table) -> Any:
    return select(table.c.id).where(table.c.row_hash.is_(None)).order_by(table.c.id)


def _seal(session: Session, table: Table) -> int:
    # Locked on PostgreSQL: what is hashed is what stays. SQLite has one writer.
    ids = session.scalars(_open(table).limit(_BATCH).with_for_update(skip_locked=True)).all()
    rows = [
        {"row_id": row["id"], "seal": _hash(table, row)}
        for row in _facts(session, table, table.c.id.in_(ids))
    ]
    if rows:
        statement = update(table).where(table.c.id == bindparam("row_id")).values(row_hash=bindparam("seal"))
        session.connection().execute(statement, rows)
    return len(rows)


def _broken(session: Session, table: Table, ids: Sequence[int]) -> Iterator[DamagedRow]:
    try:
        rows = list(_facts(session, table, table.c.id.in_(ids) & table.c.row_hash.is_not(None)))
    except DatabaseError:
        # Bytes that are no text any more, or a page that cannot be read: one row after the other.
        session.rollback()
        if len(ids) == 1:
            yield DamagedRow(table.name, ids[0], None)
            return
        half = len(ids) // 2
        yield from _broken(session, table, ids[:half])
        yield from _broken(session, table, ids[half:])
        return
    for row in rows:
        if _hash(table, row) != row["row_hash"]:
            yield DamagedRow(table.name, row["id"], row["workspace_id"])


def _facts(session: Session, table: Table, which: Any) -> Iterator[Mapping[str, Any]]:
    """The rows as they are stored: JSON as text, which may be broken."""
    names = ("id", "workspace_id", "row_hash", *FACTS[table.name])
    columns = {name: table.c[name] for name in names}
    shown = [
        cast(column, Text).label(name) if isinstance(column.type, JSON) else column
        for name, column in columns.items()
    ]
    for row in session.execute(select(*shown).where(which)).mappings():
        yield {str(name): value for name, value in row.items()}


def _hash(table: Table, row: Mapping[str, Any]) -> str:
    facts = [_plain(table, name, row[name]) for name in ("id", *FACTS[table.name])]
    return hashlib.sha256(json.dumps(facts, ensure_ascii=True).encode()).hexdigest()


def _plain(table: Table, name: str, value: Any) -> Any:
    """A value in the form that both databases agree on."""
    if isinstance(table.c[name].type, JSON) and isinstance(value, str):
        try:
            return json.dumps(json.loads(value), sort_keys=True)
        except ValueError:
            return f"broken: {value}"
    return value
