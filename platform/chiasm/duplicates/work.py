"""What a merge or its undoing asks for: texts and media embedded again, entities fused anew."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from sqlalchemy import select
from sqlalchemy.orm import Session

from chiasm.catalog import Catalog
from chiasm.catalog.models import Asset, ReleaseSpace, Space, Workspace
from chiasm.ingest.units import add_fuse_units
from chiasm.jobs import add_units, create_job
from chiasm.models import default_encoders
from chiasm.settings import Settings

__all__ = ["ask_for_work", "present_spaces"]

_MODALITIES = ("text", "image", "audio")


def present_spaces(session: Session, settings: Settings, workspace_id: int) -> dict[str, int]:
    """Modality to the space that its assets belong to, as far as one exists; no model is loaded for it."""
    release_id = session.get_one(Workspace, workspace_id).active_release_id
    if release_id is not None:
        rows = session.execute(
            select(ReleaseSpace.kind, ReleaseSpace.space_id).where(
                ReleaseSpace.release_id == release_id, ReleaseSpace.kind.in_(_MODALITIES)
            )
        )
        return dict(rows.all())
    specs = default_encoders(settings)
    spaces = session.scalars(select(Space).where(Space.workspace_id == workspace_id).order_by(Space.id))
    return {one.kind: one.id for one in spaces if one.kind in specs and one.encoder == specs[one.kind]}


def ask_for_work(
    session: Session,
    catalog: Catalog,
    workspace_id: int,
    kind: str,
    *,
    assets: Mapping[int, Collection[int]],
    changed: Collection[int],
) -> int | None:
    """The id of a job that makes search right again; None if nothing is to be done.

    Args:
        session: The write transaction of the change.
        catalog: Its catalog.
        workspace_id: Tenant.
        kind: Of the job.
        assets: Space to the assets that shall be embedded into it.
        changed: Entities whose assets or edges are others now. Those that wait for an asset are fused after it.
    """
    catalog.bump_revision(session, workspace_id)
    release_id = session.get_one(Workspace, workspace_id).active_release_id
    waiting = select(Asset.entity_id).where(Asset.entity_id.in_(changed), Asset.state == "pending")
    ready = set(changed) - set(session.scalars(waiting))
    fused = release_id is not None and bool(ready)
    if not fused and not any(assets.values()):
        return None
    job = create_job(session, workspace_id, kind, {"fused": len(ready) if fused else 0})
    for space_id, ids in sorted(assets.items()):
        if ids:
            add_units(session, job, "embed", [{"space_id": space_id, "asset_ids": sorted(ids)}])
    if release_id is not None and ready:
        add_fuse_units(session, job.id, release_id, ready)
    return job.id
