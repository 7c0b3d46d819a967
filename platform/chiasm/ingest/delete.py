"""Deleting an entity: its row stays as a tombstone, everything else of it goes."""

from __future__ import annotations

import time

from sqlalchemy import delete, or_, select, update

from chiasm.catalog import Catalog
from chiasm.catalog.models import Asset, Entity, Space, Triple, Workspace
from chiasm.errors import NotFoundError
from chiasm.ingest.read import add_fuse_units
from chiasm.jobs import create_job

__all__ = ["delete_entity"]


def delete_entity(catalog: Catalog, workspace_id: int, key: str) -> int | None:
    """Delete an entity with its assets, edges and vectors; blobs may be shared and stay.

    Returns:
        Id of the job that fuses its neighbours anew; None if that is not needed.

    Raises:
        NotFoundError: There is no such entity.
    """
    from chiasm.spaces import remove_items

    with catalog.write() as session:
        entity = session.scalar(
            select(Entity).where(
                Entity.workspace_id == workspace_id, Entity.key == key, Entity.deleted_at.is_(None)
            )
        )
        if entity is None:
            raise NotFoundError("no such entity", where=key, remedy="check the key")
        spaces: dict[str, list[int]] = {}
        for kind, space_id in session.execute(
            select(Space.kind, Space.id).where(Space.workspace_id == workspace_id)
        ):
            spaces.setdefault(kind, []).append(space_id)
        for modality in ("text", "image", "audio"):
            assets = select(Asset.id).where(Asset.entity_id == entity.id, Asset.modality == modality)
            remove_items(session, spaces.get(modality, []), list(session.scalars(assets)))
        remove_items(session, [*spaces.get("graph", []), *spaces.get("fused", [])], [entity.id])
        session.execute(delete(Asset).where(Asset.entity_id == entity.id))
        mine = or_(Triple.subject_id == entity.id, Triple.object_id == entity.id)
        near = {
            end
            for ends in session.execute(select(Triple.subject_id, Triple.object_id).where(mine))
            for end in ends
            if end is not None and end != entity.id
        }
        subjects = select(Triple.subject_id).where(Triple.object_id == entity.id)
        # Their records name an edge that is gone: the next ingest must not take them for unchanged.
        session.execute(
            update(Entity).where(Entity.id.in_(subjects)).values(record_hash=None),
            execution_options={"synchronize_session": False},
        )
        session.execute(delete(Triple).where(mine), execution_options={"synchronize_session": False})
        entity.deleted_at = entity.updated_at = time.time()
        entity.title, entity.attributes, entity.record_hash = None, {}, None
        entity.revision += 1
        catalog.bump_revision(session, workspace_id)
        release_id = session.get_one(Workspace, workspace_id).active_release_id
        if release_id is None or not near:
            return None
        job = create_job(session, workspace_id, "delete", {"key": key})
        add_fuse_units(session, job.id, release_id, near)
        return job.id
