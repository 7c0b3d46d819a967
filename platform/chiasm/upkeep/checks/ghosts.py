"""Vectors of nothing: of assets and entities that are gone, or in segments that nobody reads."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from functools import partial

from sqlalchemy import Select, delete, exists, func, select
from sqlalchemy.orm import aliased

from chiasm.catalog.models import Asset, Embedding, Entity, Segment, Space
from chiasm.upkeep.findings import REPAIR, Finding
from chiasm.upkeep.requeue import batches
from chiasm.upkeep.site import Site

__all__ = ["look"]


def look(site: Site) -> Iterator[Finding]:
    """Each kind of ghost with its number."""
    leftover = exists().where(Entity.id == Asset.entity_id, Entity.deleted_at.is_not(None))
    with site.catalog.read() as session:
        total = session.scalar(select(func.count()).select_from(Embedding)) or 0
        assets = list(session.scalars(select(Asset.id).where(leftover)))
    sound = True
    if assets:
        sound = False
        what = f"{len(assets)} assets of entities that were deleted"
        yield Finding("problem", what, REPAIR, len(assets), mend=lambda: _remove_assets(site, assets))
    for name, statement in _kinds().items():
        found = _read(site, statement)
        if count := sum(map(len, found.values())):
            sound = False
            yield Finding("problem", f"{count} {name}", REPAIR, count, mend=partial(_drop, site, found))
    if sound:
        yield Finding("ok", f"{total} vectors, each of something that is there")


def _kinds() -> dict[str, Select[int, int]]:
    of_assets = Space.kind.in_(("text", "image", "audio"))
    asset = exists().where(Asset.id == Embedding.item_id, Asset.modality == Space.kind)
    entity = exists().where(Entity.id == Embedding.item_id, Entity.deleted_at.is_(None))
    holder = aliased(Segment)
    merged = exists().where(holder.id == Segment.merged_into, holder.state == "live")
    live = exists().where(Segment.id == Embedding.segment_id, (Segment.state == "live") | merged)
    every = select(Embedding.space_id, Embedding.item_id).join(Space, Space.id == Embedding.space_id)
    return {
        "vectors of assets that are gone": every.where(of_assets, ~asset),
        "vectors of entities that are gone": every.where(~of_assets, ~entity),
        "vectors in segments that are not live": every.where(~live),
    }


def _read(site: Site, statement: Select[int, int]) -> dict[int, list[int]]:
    found: dict[int, list[int]] = defaultdict(list)
    with site.catalog.read() as session:
        for space_id, item_id in session.execute(statement):
            found[space_id].append(item_id)
    return found


def _drop(site: Site, found: dict[int, list[int]]) -> str:
    """Items that are still there are found missing by the checks that follow."""
    from chiasm.spaces import remove_items

    for space_id, items in found.items():
        for some in batches(items):
            with site.catalog.write() as session:
                remove_items(session, [space_id], some)
    return f"removed {sum(map(len, found.values()))} rows; the vectors are masked now"


def _remove_assets(site: Site, asset_ids: list[int]) -> str:
    for some in batches(asset_ids):
        with site.catalog.write() as session:
            session.execute(delete(Asset).where(Asset.id.in_(some)))
    return f"removed {len(asset_ids)} rows"
