"""Deleting entities and single assets: an entity's row stays as a tombstone, everything else of it goes."""

from __future__ import annotations

import time
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import delete, func, or_, select, update
from sqlalchemy.orm import Session

from chiasm.catalog import Catalog
from chiasm.catalog.aliases import kept_ids
from chiasm.catalog.models import (
    Asset,
    DuplicatePair,
    Entity,
    EntityMerge,
    MergePart,
    Triple,
    Workspace,
)
from chiasm.errors import ConflictError, NotFoundError
from chiasm.ingest.units import add_fuse_units
from chiasm.ingest.vectors import remove_assets, remove_entity_vectors
from chiasm.jobs import create_job

__all__ = [
    "Removed",
    "delete_asset",
    "delete_entity",
    "find_doomed",
    "near_to",
    "remove_entities",
]

_QUIET = {"synchronize_session": False}


@dataclass
class Removed:
    """What went with some entities."""

    entities: int = 0
    assets: int = 0
    statements: int = 0
    #: Entities that were linked with them: their graph tokens changed.
    near: set[int] = field(default_factory=set)


def delete_entity(
    catalog: Catalog, workspace_id: int, key: str, *, if_revision: int | None = None
) -> int | None:
    """Delete an entity with its assets, edges and vectors; blobs may be shared and stay.

    Deleting what is deleted already does nothing.

    Args:
        catalog: Where it is.
        workspace_id: Tenant.
        key: Its key.
        if_revision: Delete it only if it still has this revision.

    Returns:
        Id of the job that fuses its neighbours anew; None if that is not needed.

    Raises:
        NotFoundError: There never was such an entity.
        ConflictError: It has another revision, or was merged into another one.
    """
    with catalog.change(workspace_id) as session:
        entity = find_doomed(session, workspace_id, key)
        if entity.deleted_at is not None:
            _refuse_alias(session, entity)
            return None
        if if_revision is not None and entity.revision != if_revision:
            raise ConflictError(
                f"it has revision {entity.revision}, not {if_revision}",
                where=key,
                remedy="read it again, then decide",
            )
        removed = remove_entities(session, workspace_id, [entity.id])
        catalog.bump_revision(session, workspace_id)
        return _fuse_near(session, workspace_id, removed.near)


def _refuse_alias(session: Session, entity: Entity) -> None:
    into = kept_ids(session, [entity.id])
    if into:
        kept = session.get_one(Entity, into[entity.id]).key
        raise ConflictError(
            f"it was merged into {kept!r}",
            where=entity.key,
            remedy=f"delete {kept!r}, or run `chiasm duplicates unmerge` first",
        )


def delete_asset(catalog: Catalog, workspace_id: int, asset_id: int) -> int | None:
    """Delete one text, picture or sound of an entity with its vectors; the entity stays.

    Returns:
        Id of the job that fuses the entity and its neighbours anew; None if that is not needed.

    Raises:
        NotFoundError: There is no such asset.
    """
    with catalog.change(workspace_id) as session:
        asset = session.get(Asset, asset_id)
        if asset is None or asset.workspace_id != workspace_id:
            raise NotFoundError(
                "there is no such asset", where=f"asset {asset_id}", remedy="`/v1/entities/KEY` lists them"
            )
        entity = session.get_one(Entity, asset.entity_id)
        if asset.modality == "text" and asset.role == "title":
            entity.title = None
        # The record it came from names what is gone: ingested again, it brings it back.
        entity.record_hash = None
        entity.revision += 1
        entity.updated_at = time.time()
        remove_assets(session, workspace_id, Asset.id == asset_id)
        near = near_to(session, [entity.id]) | {entity.id}
        catalog.bump_revision(session, workspace_id)
        return _fuse_near(session, workspace_id, near)


def find_doomed(session: Session, workspace_id: int, key: str) -> Entity:
    """The entity of a key, locked; a tombstone too.

    Raises:
        NotFoundError: There never was such an entity.
    """
    entity = session.scalar(
        select(Entity).where(Entity.workspace_id == workspace_id, Entity.key == key).with_for_update()
    )
    if entity is None:
        raise NotFoundError("no such entity", where=key, remedy="check the key")
    return entity


def remove_entities(
    session: Session, workspace_id: int, entity_ids: Sequence[int], *, at: float | None = None
) -> Removed:
    """Turn live entities into tombstones, in the caller's write transaction.

    Args:
        session: The transaction.
        workspace_id: Tenant.
        entity_ids: At most some hundred, their rows locked.
        at: When that was asked for (seconds since the epoch): records accepted later bring them back. Default
            now.
    """
    assets = remove_assets(session, workspace_id, Asset.entity_id.in_(entity_ids))
    remove_entity_vectors(session, workspace_id, entity_ids)
    near = near_to(session, entity_ids)
    statements = _remove_triples(session, entity_ids)
    now = time.time()
    tombstone: dict[str, Any] = {
        "deleted_at": now if at is None else at,
        "updated_at": now,
        "domain_id": None,
        "title": None,
        "attributes": {},
        "record_hash": None,
        "revision": Entity.revision + 1,
    }
    session.execute(
        update(Entity).where(Entity.id.in_(entity_ids)).values(tombstone), execution_options=_QUIET
    )
    _remove_lineage(session, entity_ids, tombstone["deleted_at"])
    return Removed(len(entity_ids), assets, statements, near)


def _remove_lineage(session: Session, entity_ids: Collection[int], at: float) -> None:
    """What was merged into the entities goes with them; so do the pairs that they are in."""
    pairs = or_(DuplicatePair.first_id.in_(entity_ids), DuplicatePair.second_id.in_(entity_ids))
    session.execute(delete(DuplicatePair).where(pairs), execution_options=_QUIET)
    about = or_(MergePart.subject_id.in_(entity_ids), MergePart.object_id.in_(entity_ids))
    session.execute(delete(MergePart).where(about), execution_options=_QUIET)
    into: Collection[int] = entity_ids
    while into:
        found = session.execute(
            select(EntityMerge.id, EntityMerge.entity_id).where(EntityMerge.into_id.in_(into))
        ).all()
        merges, into = [row.id for row in found], [row.entity_id for row in found]
        session.execute(delete(MergePart).where(MergePart.merge_id.in_(merges)), execution_options=_QUIET)
        session.execute(delete(EntityMerge).where(EntityMerge.id.in_(merges)), execution_options=_QUIET)
        gone: dict[str, Any] = {"deleted_at": at, "record_hash": None, "revision": Entity.revision + 1}
        session.execute(update(Entity).where(Entity.id.in_(into)).values(gone), execution_options=_QUIET)


def _remove_triples(session: Session, entity_ids: Collection[int]) -> int:
    mine = or_(Triple.subject_id.in_(entity_ids), Triple.object_id.in_(entity_ids))
    subjects = select(Triple.subject_id).where(Triple.object_id.in_(entity_ids))
    # Their records name an edge that is gone: the next ingest must not take them for unchanged.
    session.execute(
        update(Entity).where(Entity.id.in_(subjects)).values(record_hash=None), execution_options=_QUIET
    )
    count = session.scalar(select(func.count()).select_from(Triple).where(mine)) or 0
    session.execute(delete(Triple).where(mine), execution_options=_QUIET)
    return count


def near_to(session: Session, entity_ids: Collection[int]) -> set[int]:
    """Entities that are linked with these ones."""
    mine = or_(Triple.subject_id.in_(entity_ids), Triple.object_id.in_(entity_ids))
    pairs = session.execute(select(Triple.subject_id, Triple.object_id).where(mine))
    return {end for pair in pairs for end in pair if end is not None} - set(entity_ids)


def _fuse_near(session: Session, workspace_id: int, near: set[int]) -> int | None:
    release_id = session.get_one(Workspace, workspace_id).active_release_id
    if release_id is None or not near:
        return None
    # No key: what was deleted shall not live on in what is known of jobs.
    job = create_job(session, workspace_id, "delete", {"fused": len(near)})
    add_fuse_units(session, job.id, release_id, near)
    return job.id
