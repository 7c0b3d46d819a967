"""The rows of a catalog as JSON Lines: the same whichever database they come from."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from typing import Any

from sqlalchemy import Connection, Executable, Select, Table, func, select
from sqlalchemy.orm import aliased

from chiasm.catalog.models import Base, Embedding, Segment
from chiasm.errors import DamagedError

__all__ = ["dump_table", "tables_in_order"]

#: A part is a file on the tape, whose size must be known before it is written.
_PART_BYTES = 8 * 2**20
_ROWS_A_FETCH = 2000


def tables_in_order() -> list[Table]:
    """All tables with facts, those that are referred to first.

    Not the log of changes: who follows it by a copy made elsewhere would take another database for that one. Nor the
    workers that are there: none of them is where it is restored.
    """
    return [table for table in Base.metadata.sorted_tables if table.name not in {"change", "live_worker"}]


def dump_table(connection: Connection, table: Table) -> Iterator[tuple[int, bytes]]:
    """Number of rows and JSON Lines of each part of a table; nothing for an empty one.

    Raises:
        DamagedError: A text does not match its checksum.
    """
    check = _check_text if table.name == "asset" else None
    lines: list[bytes] = []
    size = 0
    result = connection.execution_options(yield_per=_ROWS_A_FETCH).execute(_chosen(table))
    for row in result.mappings():
        values = dict(row)
        if check is not None:
            check(values)
        line = json.dumps(values, separators=(",", ":")).encode() + b"\n"
        lines.append(line)
        size += len(line)
        if size >= _PART_BYTES:
            yield len(lines), b"".join(lines)
            lines, size = [], 0
    if lines:
        yield len(lines), b"".join(lines)


def _chosen(table: Table) -> Executable:
    statement = select(table).order_by(*table.primary_key.columns)
    # What is being written or was superseded has no files in a backup.
    if table.name == "segment":
        return statement.where(table.c.state == "live")
    if table.name == "embedding":
        return _embeddings().order_by(*table.primary_key.columns)
    if table.name == "dead_row":
        live = select(Segment.id).where(Segment.state == "live", Segment.id == table.c.segment_id)
        return statement.where(live.exists())
    return statement


def _embeddings() -> Select[int, int, int, bool | None]:
    """Live rows, as they will be when all of them have followed the segments that were merged."""
    named, holder = aliased(Segment), aliased(Segment)
    return (
        select(Embedding.space_id, Embedding.item_id, holder.id.label("segment_id"), Embedding.mapped)
        .join(named, named.id == Embedding.segment_id)
        .join(holder, holder.id == func.coalesce(named.merged_into, named.id))
        .where(holder.state == "live")
    )


def _check_text(row: dict[str, Any]) -> None:
    value = row["value"]
    if value is not None and hashlib.sha256(value.encode()).hexdigest() != row["sha256"]:
        raise DamagedError(
            "a text differs from its checksum",
            where=f"asset {row['id']} of entity {row['entity_id']}",
            remedy="ingest the entity's record again with --replace, then run the backup again",
        )
