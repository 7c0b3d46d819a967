"""Entities that are another name of one: which one, and what content is kept for taking them apart again."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from sqlalchemy import literal_column, select
from sqlalchemy.orm import Session

from chiasm.catalog.models import Asset, Entity, EntityMerge, MergePart

__all__ = ["aliases", "is_named", "kept_content", "kept_ids"]

_CHUNK = 10_000


def kept_ids(session: Session, entity_ids: Collection[int]) -> dict[int, int]:
    """Merged entity to the one that it is part of now; entities that are none are left out."""
    found: dict[int, int] = {}
    listed = list(entity_ids)
    for start in range(0, len(listed), _CHUNK):
        some = listed[start : start + _CHUNK]
        rows = select(EntityMerge.entity_id, EntityMerge.into_id).where(EntityMerge.entity_id.in_(some))
        found.update((entity_id, into_id) for entity_id, into_id in session.execute(rows))
    if found:
        # What it was merged into may have been merged on.
        further = kept_ids(session, set(found.values()))
        found = {entity_id: further.get(into_id, into_id) for entity_id, into_id in found.items()}
    return found


def aliases(session: Session, workspace_id: int) -> dict[str, int]:
    """Key of each merged entity of a workspace, and the id of the entity that it means now."""
    rows = session.execute(
        select(Entity.key, EntityMerge.entity_id, EntityMerge.into_id)
        .join(Entity, Entity.id == EntityMerge.entity_id)
        .where(EntityMerge.workspace_id == workspace_id)
    ).all()
    into = {entity_id: into_id for _, entity_id, into_id in rows}
    return {key: _end(into, entity_id) for key, entity_id, _ in rows}


def is_named(session: Session, sha256: str) -> bool:
    """Whether a picture or a sound has this content, or an unmerge would need it."""
    # Words that the index's condition is recognised in: a bound parameter is none.
    in_blobs = Asset.modality != literal_column("'text'")
    assets = select(Asset.id).where(Asset.sha256 == sha256, in_blobs).limit(1)
    parts = select(MergePart.id).where(MergePart.sha256 == sha256).limit(1)
    return session.scalar(assets) is not None or session.scalar(parts) is not None


def kept_content(session: Session) -> set[str]:
    """Content of merged entities, of all workspaces."""
    rows: Iterable[str | None] = session.scalars(select(MergePart.sha256).where(MergePart.kind == "asset"))
    return {sha256 for sha256 in rows if sha256 is not None}


def _end(into: dict[int, int], entity_id: int) -> int:
    while entity_id in into:
        entity_id = into[entity_id]
    return entity_id
