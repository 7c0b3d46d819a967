"""What was changed or deleted, row by row: whoever holds a copy of a workspace follows by it.

Triggers write it, so that no writer can forget to. New rows are not in it: their ids are greater than all before.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sqlalchemy import Connection, Index, MetaData, event, text
from sqlalchemy.orm import Mapped

from chiasm.catalog.models.base import Base, BigId, Name

__all__ = ["Change", "change_statements"]

#: Table to the columns of which one must differ for a change to be noted.
_WATCHED: dict[str, tuple[str, ...]] = {
    "entity": ("key", "domain_id", "title", "attributes", "is_stub", "deleted_at"),
    "asset": ("entity_id", "modality"),
    "triple": ("subject_id", "predicate_id", "object_id", "origin"),
}


class Change(Base):
    """A row that is not as it was, or is gone."""

    __tablename__ = "change"
    __table_args__ = (Index("ix_change_workspace_id_id", "workspace_id", "id"),)

    id: Mapped[BigId]
    #: 0 for `epoch`.
    workspace_id: Mapped[int]
    #: entity, asset or triple; or `epoch`, one row with a random number by which databases are told apart.
    kind: Mapped[Name]
    row_id: Mapped[int]


def change_statements(
    dialect: str, table: str | None = None, columns: tuple[str, ...] | None = None
) -> Iterator[str]:
    """SQL that makes the triggers of a database.

    Args:
        dialect: sqlite or postgresql.
        table: Of this table alone; None: of all.
        columns: What is watched of it; None: what is watched today.
    """
    make = _postgresql if dialect == "postgresql" else _sqlite
    for name, watched in _WATCHED.items():
        if table in (None, name):
            yield from make(name, columns or watched)


def _differs(columns: tuple[str, ...], table: str, unequal: str) -> str:
    tests = [f"OLD.{name} {unequal} NEW.{name}" for name in columns]
    if table == "asset":
        # What failed is as good as gone; other states do not matter.
        tests.append("(OLD.state = 'failed') <> (NEW.state = 'failed')")
    return " OR ".join(tests)


def _sqlite(table: str, columns: tuple[str, ...]) -> Iterator[str]:
    named = ", ".join((*columns, "state") if table == "asset" else columns)
    differs = _differs(columns, table, "IS NOT")
    note = "INSERT INTO change (workspace_id, kind, row_id) VALUES (OLD.workspace_id, '{}', OLD.id)"
    body = f"BEGIN {note.format(table)}; END"
    yield f"CREATE TRIGGER changed_{table} AFTER UPDATE OF {named} ON {table} WHEN {differs} {body}"
    yield f"CREATE TRIGGER deleted_{table} AFTER DELETE ON {table} {body}"


def _postgresql(table: str, columns: tuple[str, ...]) -> Iterator[str]:
    named = ", ".join((*columns, "state") if table == "asset" else columns)
    # The type json has no equality.
    compared = tuple(f"{name}::text" if name == "attributes" else name for name in columns)
    differs = _differs(compared, table, "IS DISTINCT FROM")
    yield (
        f"CREATE OR REPLACE FUNCTION chiasm_changed_{table}() RETURNS trigger LANGUAGE plpgsql AS "
        f"$$ BEGIN INSERT INTO change (workspace_id, kind, row_id) VALUES (OLD.workspace_id, '{table}', OLD.id); "
        "RETURN NULL; END $$"
    )
    run = f"EXECUTE FUNCTION chiasm_changed_{table}()"
    when = f"FOR EACH ROW WHEN ({differs})"
    yield f"CREATE TRIGGER changed_{table} AFTER UPDATE OF {named} ON {table} {when} {run}"
    yield f"CREATE TRIGGER deleted_{table} AFTER DELETE ON {table} FOR EACH ROW {run}"


def _make_triggers(target: MetaData, connection: Connection, **options: Any) -> None:
    if any(table.name == "change" for table in options.get("tables") or ()):
        for statement in change_statements(connection.dialect.name):
            connection.execute(text(statement))


# A schema made without migrations, as in tests, is followed too.
event.listen(Base.metadata, "after_create", _make_triggers)
