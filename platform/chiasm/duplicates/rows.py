"""Rows of assets and statements as JSON: how lineage keeps them."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Table, delete, insert, update
from sqlalchemy.orm import Session

from chiasm.catalog.models import Asset, Change, MergePart, Triple, table_of

__all__ = ["ASSET", "TRIPLE", "change", "drop", "part_of", "put_back", "row_of"]

ASSET = table_of(Asset)
TRIPLE = table_of(Triple)
_QUIET = {"synchronize_session": False}


def row_of(table: Table, row: Any) -> dict[str, Any]:
    """The facts of a row; its seal is computed anew."""
    return {name: row[name] for name in (column.name for column in table.c) if name not in {"id", "row_hash"}}


def part_of(merge_id: int, table: Table, row: Any, *, moved: bool) -> MergePart:
    """A row as lineage keeps it."""
    return MergePart(
        merge_id=merge_id,
        kind=table.name,
        row_id=row["id"],
        sha256=row["sha256"] if table is ASSET else None,
        subject_id=row["subject_id"] if table is TRIPLE else None,
        object_id=row["object_id"] if table is TRIPLE else None,
        moved=moved,
        content=row_of(table, row),
    )


def change(session: Session, table: Table, row_id: int, values: dict[str, Any]) -> None:
    """Set columns of a row."""
    session.execute(update(table).where(table.c.id == row_id).values(values), execution_options=_QUIET)


def drop(session: Session, table: Table, row_id: int) -> None:
    """Delete a row."""
    session.execute(delete(table).where(table.c.id == row_id), execution_options=_QUIET)


def put_back(session: Session, table: Table, values: dict[str, Any], row_id: int | None) -> int:
    """Insert a row with the id that it had, or with a new one; its id."""
    if row_id is not None:
        # Who follows the catalog looks for rows beyond the newest, and this one is none: it has to be told.
        owners = ("entity_id", None) if table is ASSET else ("subject_id", "object_id")
        entity_id, other_id = (None if name is None else values[name] for name in owners)
        session.add(
            Change(
                workspace_id=values["workspace_id"],
                kind=table.name,
                row_id=row_id,
                entity_id=entity_id,
                other_id=other_id,
            )
        )
    given = values if row_id is None else {**values, "id": row_id}
    return int(session.scalars(insert(table).returning(table.c.id), [given]).one())
