"""Units of work of a size that fills batches and loses little."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from sqlalchemy.orm import Session

from chiasm.jobs import add_units

__all__ = ["UNIT_ITEMS", "add_fuse_units", "parts"]

#: Items of one unit: enough to fill encoder batches and to be worth a segment, few enough to lose little.
UNIT_ITEMS = {"text": 1024, "image": 256, "audio": 256, "fused": 256}


def add_fuse_units(
    session: Session, job_id: int, release_id: int, entity_ids: Iterable[int], *, priority: int = 100
) -> int:
    """Units that fuse these entities anew; how many."""
    payloads = [{"release_id": release_id, "entity_ids": ids} for ids in parts(entity_ids, "fused")]
    return add_units(session, job_id, "fuse", payloads, priority=priority)


def parts(ids: Iterable[int], kind: str) -> list[Sequence[int]]:
    """Ids, ascending, as many together as a unit of that kind has."""
    whole, size = sorted(ids), UNIT_ITEMS[kind]
    return [whole[start : start + size] for start in range(0, len(whole), size)]
