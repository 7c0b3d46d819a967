"""Entities that have something to be fused from and are not in the active release's fused space."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import Any

from sqlalchemy import Select, and_, exists, func, select
from sqlalchemy.orm import aliased

from chiasm.catalog.models import Asset, Embedding, Entity, ReleaseSpace, Workspace
from chiasm.upkeep.findings import REPAIR, Finding
from chiasm.upkeep.requeue import fuse_again, open_items
from chiasm.upkeep.site import Site

__all__ = ["look"]


def look(site: Site) -> Iterator[Finding]:
    """Entities that a search of the fused space would miss."""
    with site.catalog.read() as session:
        releases = session.scalar(
            select(func.count()).select_from(Workspace).where(Workspace.active_release_id.is_not(None))
        )
        found = [tuple(row) for row in session.execute(_missing())]
        if found:
            attended = open_items(session, "fuse")
            found = [row for row in found if row[1:] not in attended]
    if found:
        what = f"{len(found)} entities with embedded assets have no fused vector"
        yield Finding("problem", what, REPAIR, len(found), mend=lambda: _fuse(site, found))
    elif releases:
        yield Finding("ok", "every entity with embedded assets has its fused vector")
    else:
        yield Finding("ok", "no release is active yet")


def _missing() -> Select[int, int, int]:
    """(workspace, release, entity); those whose assets are still being embedded are fused after that."""
    fused, own = aliased(ReleaseSpace), aliased(ReleaseSpace)
    held = exists().where(Embedding.item_id == Entity.id, Embedding.space_id == fused.space_id)
    token = (
        select(Embedding.item_id)
        .join(Asset, Asset.id == Embedding.item_id)
        .join(own, and_(own.space_id == Embedding.space_id, own.kind == Asset.modality))
        .where(own.release_id == fused.release_id, Asset.entity_id == Entity.id)
        .correlate(fused, Entity)
        .exists()
    )
    pending = exists().where(Asset.entity_id == Entity.id, Asset.state == "pending")
    return (
        select(Entity.workspace_id, fused.release_id, Entity.id)
        .join(Workspace, Workspace.id == Entity.workspace_id)
        .join(fused, and_(fused.release_id == Workspace.active_release_id, fused.kind == "fused"))
        .where(Entity.deleted_at.is_(None), ~held, token, ~pending)
    )


def _fuse(site: Site, found: list[tuple[Any, ...]]) -> str:
    groups: dict[tuple[int, int], list[int]] = defaultdict(list)
    for workspace_id, release_id, entity_id in found:
        groups[workspace_id, release_id].append(entity_id)
    count = sum(fuse_again(site, *owner, entities) for owner, entities in groups.items())
    return f"{count} are fused by a job"
