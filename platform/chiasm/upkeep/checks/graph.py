"""Edges that lead to nothing."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sqlalchemy import Select, delete, exists, func, or_, select

from chiasm.catalog.models import Entity, Triple
from chiasm.upkeep.findings import REPAIR, Finding
from chiasm.upkeep.requeue import batches
from chiasm.upkeep.site import Site

__all__ = ["look"]

_SOURCE = "restore the catalog from a backup, or ingest their source again"


def look(site: Site) -> Iterator[Finding]:
    """Edges of entities that were deleted, and of entities that are not there at all."""
    ends = (Triple.subject_id, Triple.object_id)
    deleted = or_(*(exists().where(Entity.id == end, Entity.deleted_at.is_not(None)) for end in ends))
    absent = or_(*((end.is_not(None)) & ~exists().where(Entity.id == end) for end in ends))
    with site.catalog.read() as session:
        edges = session.scalar(select(func.count()).select_from(Triple)) or 0
        left = list(session.scalars(select(Triple.id).where(deleted, ~absent)))
        broken = session.scalar(select(func.count()).select_from(Triple).where(absent)) or 0
    if left:
        what = f"{len(left)} edges of entities that were deleted"
        again = select(Triple.id).where(deleted)
        yield Finding("problem", what, REPAIR, len(left), mend=lambda: _remove(site, left, again))
    if broken:
        # The other end is still a fact that somebody stated: not ours to delete.
        yield Finding("problem", f"{broken} edges of entities that are not in the catalog", _SOURCE, broken)
    if not left and not broken:
        yield Finding("ok", f"{edges} edges, each with its entities")


def _remove(site: Site, triple_ids: list[int], still: Select[Any]) -> str:
    removed = 0
    for some in batches(triple_ids):
        with site.catalog.write() as session:
            # An entity may have come back since it was looked at.
            gone = session.scalars(still.where(Triple.id.in_(some))).all()
            session.execute(delete(Triple).where(Triple.id.in_(gone)))
        removed += len(gone)
    return f"removed {removed} edges"
