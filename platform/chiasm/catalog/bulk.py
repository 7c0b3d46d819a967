"""Many rows as one parameter: a table made of lists, in the form that each database reads fastest.

`json_each` on SQLite, `unnest` on PostgreSQL. A statement over thousands of rows is prepared once, whatever
their number, and runs without a Python call per row.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import orjson
from sqlalchemy import ARRAY, JSON, FromClause, Table, Text, bindparam, cast, column, func, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session
from sqlalchemy.types import TypeEngine

__all__ = ["insert_new", "listed", "rows_of", "upsert"]


def rows_of(
    session: Session, types: Mapping[str, type[TypeEngine[Any]]], rows: Sequence[Sequence[Any]]
) -> FromClause:
    """A table with these columns and rows, to select from.

    Args:
        session: Whose database it is for.
        types: Column to its type: `BigInteger`, `Double`, `Text`, or `JSON` for JSON handed over as text.
        rows: Values in the order of `types`, all plain.
    """
    if session.get_bind().dialect.name == "postgresql":
        values = list(zip(*rows, strict=True)) or [()] * len(types)
        arrays = [
            bindparam(None, list(some), type_=ARRAY(Text if kind is JSON else kind))
            for some, kind in zip(values, types.values(), strict=True)
        ]
        lists = func.unnest(*arrays).table_valued(*types, name="lists").render_derived()
        return select(
            *(cast(c, JSON).label(c.name) if types[c.name] is JSON else c for c in lists.c)
        ).subquery("given")
    each = func.json_each(bindparam(None, _as_json(rows))).table_valued(column("value"), name="lists")
    fields = [
        # Text that is JSON stays text: SQLite stores it so.
        func.json_extract(each.c.value, f"$[{place}]", type_=Text() if kind is JSON else kind()).label(name)
        for place, (name, kind) in enumerate(types.items())
    ]
    return select(*fields).subquery("given")


def listed(session: Session, kind: type[TypeEngine[Any]], values: Sequence[Any]) -> Any:
    """A select of one column, to be used as in `column.in_(listed(...))`.

    Args:
        session: Whose database it is for.
        kind: Type of the values.
        values: Any number of them.
    """
    if session.get_bind().dialect.name == "postgresql":
        array = bindparam(None, list(values), type_=ARRAY(kind))
        return select(func.unnest(array).table_valued("value", name="given").render_derived().c.value)
    each = func.json_each(bindparam(None, _as_json(list(values))))
    return select(cast(each.table_valued(column("value"), name="given").c.value, kind))


def _as_json(values: Sequence[Any]) -> str:
    try:
        return orjson.dumps(values).decode()
    except orjson.JSONEncodeError:
        # Half a surrogate pair, or beyond 64 bits: the driver refuses it in the words of `Catalog`.
        return json.dumps(values, ensure_ascii=False)


def upsert(session: Session, table: Table) -> Any:
    """An insert of the database's own, which has `on_conflict_do_update` and `on_conflict_do_nothing`."""
    dialect: Any = postgresql if session.get_bind().dialect.name == "postgresql" else sqlite
    return dialect.insert(table)


def insert_new(session: Session, table: Table) -> Any:
    """An insert that passes over rows that are there."""
    return upsert(session, table).on_conflict_do_nothing()
