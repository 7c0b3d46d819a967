"""Counts of what a workspace holds."""

from __future__ import annotations

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from chiasm.catalog.models import Asset, Domain, Entity, Release, Triple, Workspace
from chiasm.client.protocol import JsonDict

__all__ = ["describe_workspace"]

LATE_FUSION = "late-fusion"


def describe_workspace(session: Session, workspace_id: int) -> JsonDict:
    """Entities (stubs apart), assets by modality, statements, entities by domain, active release."""
    alive = (Entity.workspace_id == workspace_id, Entity.deleted_at.is_(None))
    by_stub = dict(
        session.execute(select(Entity.is_stub, func.count()).where(*alive).group_by(Entity.is_stub)).all()
    )
    assets = session.execute(
        select(Asset.modality, func.count())
        .where(Asset.workspace_id == workspace_id)
        .group_by(Asset.modality)
    )
    domains = session.execute(
        select(Domain.name, func.count(Entity.id))
        .join(Entity, Entity.domain_id == Domain.id)
        .where(*alive)
        .group_by(Domain.name)
        .order_by(Domain.name)
    )
    statements = select(func.count()).select_from(Triple).where(Triple.workspace_id == workspace_id)
    active = session.scalar(
        select(Release)
        .join(Workspace, Workspace.active_release_id == Release.id)
        .where(Workspace.id == workspace_id)
    )
    return {
        "entities": by_stub.get(False, 0),
        "stubs": by_stub.get(True, 0),
        "assets": dict(assets.all()),
        "statements": session.scalar(statements) or 0,
        "domains": dict(domains.all()),
        "release": active.name if active is not None else LATE_FUSION,
    }
