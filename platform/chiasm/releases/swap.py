"""Promote and roll back: one transaction decides which release answers."""

from __future__ import annotations

import time

from sqlalchemy import exists, select, update
from sqlalchemy.orm import Session

from chiasm.catalog import Catalog
from chiasm.catalog.models import Asset, Embedding, Entity, Release, ReleaseSpace, Workspace
from chiasm.errors import ConflictError, NotFoundError
from chiasm.releases.store import ReleaseInfo, find_release, show_release

__all__ = ["activate", "missing_entities", "promote", "rollback"]

#: States a release may be promoted from.
_PROMOTABLE = ("candidate", "retired")


def promote(catalog: Catalog, workspace_id: int, name: str) -> ReleaseInfo:
    """Make a finished release the one that answers.

    Raises:
        NotFoundError: No such release.
        ConflictError: It is still being built, failed, or is active already.
    """
    with catalog.write() as session:
        release = find_release(session, workspace_id, name)
        if release.state not in _PROMOTABLE:
            raise ConflictError(
                f"it is {release.state}",
                where=release.name,
                remedy="only candidates and retired releases go live",
            )
        activate(session, release)
    return show_release(catalog, workspace_id, name)


def rollback(catalog: Catalog, workspace_id: int) -> ReleaseInfo:
    """Make the release active that was so before the present one.

    Raises:
        NotFoundError: There is no earlier one.
    """
    with catalog.write() as session:
        active = find_release(session, workspace_id, None)
        earlier = session.scalar(
            select(Release)
            .where(
                Release.workspace_id == workspace_id,
                Release.state == "retired",
                Release.activated_at.is_not(None),
                Release.id != active.id,
            )
            .order_by(Release.activated_at.desc())
            .limit(1)
        )
        if earlier is None:
            raise NotFoundError(
                "no earlier release to go back to", where=active.name, remedy="see `chiasm releases list`"
            )
        activate(session, earlier)
        # Else a second rollback would come straight back here.
        active.activated_at = None
        name = earlier.name
    return show_release(catalog, workspace_id, name)


def activate(session: Session, release: Release) -> None:
    """Swap within the caller's write transaction: the old one retires, waiting assets become embedded."""
    workspace = session.get_one(Workspace, release.workspace_id)
    if workspace.active_release_id is not None and workspace.active_release_id != release.id:
        session.get_one(Release, workspace.active_release_id).state = "retired"
    workspace.active_release_id = release.id
    release.state = "active"
    release.activated_at = time.time()
    # By modality: in a fused space the item ids are those of entities.
    embedded = exists().where(
        Embedding.item_id == Asset.id,
        Embedding.space_id == ReleaseSpace.space_id,
        ReleaseSpace.release_id == release.id,
        ReleaseSpace.kind == Asset.modality,
    )
    session.execute(
        update(Asset)
        .where(Asset.workspace_id == release.workspace_id, Asset.state == "waiting", embedded)
        .values(state="embedded")
    )


def missing_entities(session: Session, release: Release) -> list[int]:
    """Ids of the live entities that the release's fused space does not hold yet, in order."""
    fused = select(ReleaseSpace.space_id).where(
        ReleaseSpace.release_id == release.id, ReleaseSpace.kind == "fused"
    )
    held = exists().where(Embedding.item_id == Entity.id, Embedding.space_id.in_(fused))
    query = select(Entity.id).where(
        Entity.workspace_id == release.workspace_id, Entity.deleted_at.is_(None), ~held
    )
    return list(session.scalars(query.order_by(Entity.id)))
