"""The trigger of `--when-new`: how much is new since the last release."""

from __future__ import annotations

from sqlalchemy import case, func, select
from sqlalchemy.orm import Session

from chiasm.catalog.models import Entity, Job, Release, Schedule

__all__ = ["due_by_news", "share_of_new"]


def due_by_news(session: Session, schedule: Schedule) -> float | None:
    """The due time of a schedule that waits for new entities; None if it is not due.

    The due time is the last release's, so that it fires once until there is another release. It waits for
    running ingests (their entities count as well) and for a training that runs anyway.
    """
    when_new = schedule.trigger.get("when_new")
    if when_new is None or _busy(session, schedule.workspace_id):
        return None
    last = session.scalar(
        select(func.max(Release.created_at)).where(Release.workspace_id == schedule.workspace_id)
    )
    since = float(last or 0.0)
    return since if share_of_new(session, schedule.workspace_id, since) >= float(when_new) else None


def share_of_new(session: Session, workspace_id: int, since: float) -> float:
    """Share of a workspace's entities (no stubs) that were made or changed after `since`; 0 without any."""
    alive = (Entity.workspace_id == workspace_id, Entity.is_stub.is_(False), Entity.deleted_at.is_(None))
    changed = func.sum(case((Entity.updated_at > since, 1), else_=0))
    total, new = session.execute(select(func.count(), changed).where(*alive)).one()
    return int(new or 0) / total if total else 0.0


def _busy(session: Session, workspace_id: int) -> bool:
    running = (Job.state.in_(("queued", "running"))) & Job.kind.in_(("ingest", "train"))
    return (
        session.scalar(select(Job.id).where(Job.workspace_id == workspace_id, running).limit(1)) is not None
    )
