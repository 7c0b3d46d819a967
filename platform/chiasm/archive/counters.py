"""The newest id that each table ever gave: none may come again, as ids name vectors in files."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import Connection, MetaData, Table, func, inspect, select, text

from chiasm.catalog.models import Base

__all__ = ["read_counters", "set_counters"]

_SQLITE = "sqlite_sequence"


def read_counters(connection: Connection) -> dict[str, int]:
    """Newest id by table, also of rows that are gone."""
    counted = [table for table in Base.metadata.sorted_tables if "id" in table.columns]
    if connection.dialect.name != "sqlite":
        return {table.name: _sequence_value(connection, table) for table in counted}
    if not inspect(connection).has_table(_SQLITE):
        return {}
    found = connection.execute(text(f"SELECT name, seq FROM {_SQLITE}"))
    names = {table.name for table in counted}
    return {name: int(newest) for name, newest in found if name in names}


def set_counters(connection: Connection, schema: MetaData, counters: Mapping[str, int]) -> None:
    """Let the next ids be beyond those given before and those that are there."""
    for table in schema.sorted_tables:
        if "id" not in table.columns or table.name == _SQLITE:
            continue
        newest = max(counters.get(table.name, 0), connection.scalar(select(func.max(table.c.id))) or 0)
        if not newest:
            continue
        values = {"name": table.name, "newest": newest}
        if connection.dialect.name != "sqlite":
            connection.execute(text("SELECT setval(pg_get_serial_sequence(:name, 'id'), :newest)"), values)
        elif inspect(connection).has_table(_SQLITE):
            connection.execute(text(f"DELETE FROM {_SQLITE} WHERE name = :name"), values)
            connection.execute(text(f"INSERT INTO {_SQLITE} (name, seq) VALUES (:name, :newest)"), values)


def _sequence_value(connection: Connection, table: Table) -> int:
    found = connection.scalar(text("SELECT pg_get_serial_sequence(:name, 'id')"), {"name": table.name})
    # The name is the database's own, quoted where that is needed.
    value, used = connection.execute(text(f"SELECT last_value, is_called FROM {found}")).one()
    return int(value) if used else 0
