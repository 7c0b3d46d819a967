"""What was changed or deleted, row by row: whoever holds a copy of a workspace follows by it.

Triggers write it, so that no writer can forget to. New rows are not in it: their ids are greater than all before.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any

from sqlalchemy import Connection, Index, MetaData, event, text
from sqlalchemy.orm import Mapped

from chiasm.catalog.models.base import Base, BigId, Name

__all__ = ["Change", "change_statements", "drop_change_statements"]

#: Table to the columns of which one must differ for a change to be noted.
_WATCHED: dict[str, tuple[str, ...]] = {
    "entity": ("key", "domain_id", "title", "attributes", "is_stub", "deleted_at"),
    "asset": ("entity_id", "modality"),
    # A literal's value is told by its `object_ref`.
    "triple": ("subject_id", "predicate_id", "object_id", "object_ref", "origin", "confidence"),
}
#: Whose a row is: what has to be made anew where it is not as it was.
_OWNERS = {"asset": ("entity_id",), "triple": ("subject_id", "object_id")}


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
    #: The entity that a changed asset, or the subject that a changed triple, was of; and the triple's object.
    entity_id: Mapped[int | None]
    other_id: Mapped[int | None]


def change_statements(
    dialect: str, tables: Collection[str] = tuple(_WATCHED), *, owners: bool = True
) -> Iterator[str]:
    """SQL that makes the triggers of a database, or of some of its tables.

    Args:
        dialect: Of the database.
        tables: Whose.
        owners: Whether the log has columns for the entities that a row was of (from revision 0010 on).
    """
    make = _postgresql if dialect == "postgresql" else _sqlite
    for table in tables:
        yield from make(table, _WATCHED[table], _noted(table, owners))


def drop_change_statements(dialect: str, tables: Collection[str]) -> Iterator[str]:
    """SQL that removes the triggers of some tables."""
    for table in tables:
        for name in (f"changed_{table}", f"deleted_{table}"):
            yield f"DROP TRIGGER {name} ON {table}" if dialect == "postgresql" else f"DROP TRIGGER {name}"


def _differs(columns: tuple[str, ...], table: str, unequal: str) -> str:
    tests = [f"OLD.{name} {unequal} NEW.{name}" for name in columns]
    if table == "asset":
        # What failed is as good as gone; other states do not matter.
        tests.append("(OLD.state = 'failed') <> (NEW.state = 'failed')")
    return " OR ".join(tests)


def _noted(table: str, owners: bool) -> str:
    """The statement that notes a row as it was."""
    of = _OWNERS.get(table, ()) if owners else ()
    columns = ("workspace_id", "kind", "row_id", *("entity_id", "other_id")[: len(of)])
    values = ("OLD.workspace_id", f"'{table}'", "OLD.id", *(f"OLD.{name}" for name in of))
    return f"INSERT INTO change ({', '.join(columns)}) VALUES ({', '.join(values)})"


def _sqlite(table: str, columns: tuple[str, ...], note: str) -> Iterator[str]:
    named = ", ".join((*columns, "state") if table == "asset" else columns)
    differs = _differs(columns, table, "IS NOT")
    body = f"BEGIN {note}; END"
    yield f"CREATE TRIGGER changed_{table} AFTER UPDATE OF {named} ON {table} WHEN {differs} {body}"
    yield f"CREATE TRIGGER deleted_{table} AFTER DELETE ON {table} {body}"


def _postgresql(table: str, columns: tuple[str, ...], note: str) -> Iterator[str]:
    named = ", ".join((*columns, "state") if table == "asset" else columns)
    # The type json has no equality.
    compared = tuple(f"{name}::text" if name == "attributes" else name for name in columns)
    differs = _differs(compared, table, "IS DISTINCT FROM")
    yield (
        f"CREATE OR REPLACE FUNCTION chiasm_changed_{table}() RETURNS trigger LANGUAGE plpgsql AS "
        f"$$ BEGIN {note}; RETURN NULL; END $$"
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
