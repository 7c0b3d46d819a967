"""Deleting many: a domain, or all that a workspace holds, batch by batch."""

from __future__ import annotations

import time
from typing import Any

from sqlalchemy import ColumnElement, delete, func, select, update
from sqlalchemy.orm import Session

from chiasm.catalog import Catalog
from chiasm.catalog.models import Domain, Entity, Workspace
from chiasm.errors import NotFoundError
from chiasm.ingest.delete import remove_entities
from chiasm.ingest.units import add_fuse_units
from chiasm.jobs import Claim, WorkContext, add_units, advance, create_job, finish, wake
from chiasm.settings import Settings

__all__ = ["clear_unit", "submit_clear"]

#: Entities of one write transaction.
_BATCH = 200


def submit_clear(settings: Settings, catalog: Catalog, workspace_id: int, domain: str | None) -> int:
    """The id of a job that deletes the entities of a domain, or of the whole workspace.

    What is written after the call stays: the job deletes what there was when it was asked for.

    Args:
        settings: The home.
        catalog: Its catalog.
        workspace_id: Tenant.
        domain: Name of the domain; None for everything, stubs included.

    Raises:
        NotFoundError: There is no such domain.
    """
    with catalog.write() as session:
        payload: dict[str, Any] = {"before": time.time()}
        if domain is not None:
            known = select(Domain.id).where(Domain.workspace_id == workspace_id, Domain.name == domain)
            payload["domain_id"] = session.scalar(known)
            if payload["domain_id"] is None:
                raise NotFoundError("there is no such domain", where=domain, remedy="check its name")
        job = create_job(session, workspace_id, "delete", {"domain": domain})
        add_units(session, job, "clear", [payload])
        job_id = job.id
    wake(settings, "ingest")
    return job_id


def clear_unit(ctx: WorkContext, claim: Claim) -> None:
    """Delete the unit's entities, some at a time; a claim after a loss goes on where the last one was.

    Each batch is one short transaction, after which its entities are in no search any more.
    """
    doomed = _doomed(claim)
    with ctx.catalog.read() as session:
        left = session.scalar(select(func.count()).select_from(Entity).where(doomed)) or 0
    done = int(claim.cursor.get("done", 0))
    total = done + left
    while _delete_some(ctx, claim, doomed, done, total):
        done = min(total, done + _BATCH)
        ctx.beat(done, total, "deleting")
    with ctx.catalog.write() as session:
        _drop_domains(session, claim)
        finish(session, claim)


def _doomed(claim: Claim) -> ColumnElement[bool]:
    condition = (
        (Entity.workspace_id == claim.workspace_id)
        & Entity.deleted_at.is_(None)
        & (Entity.updated_at <= claim.payload["before"])
    )
    domain_id = claim.payload.get("domain_id")
    return condition if domain_id is None else condition & (Entity.domain_id == domain_id)


def _delete_some(ctx: WorkContext, claim: Claim, doomed: ColumnElement[bool], done: int, total: int) -> bool:
    """Whether there was anything left to delete."""
    with ctx.catalog.change(claim.workspace_id) as session:
        chosen = select(Entity.id).where(doomed).order_by(Entity.id).limit(_BATCH)
        ids = session.scalars(chosen.with_for_update()).all()
        if not ids:
            return False
        removed = remove_entities(session, claim.workspace_id, ids, at=claim.payload["before"])
        release_id = session.get_one(Workspace, claim.workspace_id).active_release_id
        near = set(session.scalars(select(Entity.id).where(Entity.id.in_(removed.near), ~doomed)))
        if release_id is not None and near:
            add_fuse_units(session, claim.job_id, release_id, near)
        ctx.catalog.bump_revision(session, claim.workspace_id)
        counts = {"deleted": removed.entities, "assets": removed.assets, "statements": removed.statements}
        reached = done + len(ids)
        advance(session, claim, {"done": reached}, done=reached, total=max(total, reached), result=counts)
    return True


def _drop_domains(session: Session, claim: Claim) -> None:
    """Remove the domains that are empty now; one that was filled again meanwhile stays."""
    mine = Domain.workspace_id == claim.workspace_id
    domain_id = claim.payload.get("domain_id")
    if domain_id is not None:
        mine &= Domain.id == domain_id
    quiet = {"synchronize_session": False}
    chosen = select(Domain.id).where(mine)
    # Tombstones of homes that were made before they lost their domain.
    session.execute(
        update(Entity)
        .where(Entity.domain_id.in_(chosen), Entity.deleted_at.is_not(None))
        .values(domain_id=None),
        execution_options=quiet,
    )
    used = select(Entity.id).where(Entity.domain_id == Domain.id).exists()
    session.execute(delete(Domain).where(mine, ~used), execution_options=quiet)
