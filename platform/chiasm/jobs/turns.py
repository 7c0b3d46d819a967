"""Which units may be claimed, and which first."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import ColumnElement, Select, exists, func, select
from sqlalchemy.orm import Session, aliased

from chiasm.catalog import db_now
from chiasm.catalog.models import Workspace, WorkUnit
from chiasm.jobs.kinds import kinds_in_order

__all__ = ["most_urgent", "ready_units", "turns_of"]


def ready_units(queues: Sequence[str], in_order: bool | None) -> ColumnElement[bool]:
    """The condition under which a unit may be claimed.

    Args:
        queues: Lanes to take from.
        in_order: Only units of kinds that are worked on in order, or only others; None: any.
    """
    ready = (WorkUnit.state == "ready") & WorkUnit.queue.in_(queues) & (WorkUnit.available_at <= db_now())
    earlier = aliased(WorkUnit)
    in_the_way = exists().where(
        earlier.state.in_(("ready", "leased")),
        earlier.queue == WorkUnit.queue,
        earlier.workspace_id == WorkUnit.workspace_id,
        # A more urgent one overtakes, and never waits for less urgent ones.
        earlier.priority <= WorkUnit.priority,
        earlier.id < WorkUnit.id,
        earlier.kind.in_(kinds_in_order()),
    )
    ordered = WorkUnit.kind.in_(kinds_in_order())
    if in_order is None:
        return ready & (~ordered | ~in_the_way)
    return ready & (ordered & ~in_the_way if in_order else ~ordered)


def turns_of(session: Session, ready: ColumnElement[bool]) -> list[int]:
    """Workspaces with ready units, in the order in which they are served."""
    urgent = (
        select(WorkUnit.priority)
        .where(ready, WorkUnit.workspace_id == Workspace.id)
        .order_by(WorkUnit.priority)
        .limit(1)
        .correlate(Workspace)
        .scalar_subquery()
    )
    served = (
        select(func.max(WorkUnit.started_at))
        .where(WorkUnit.workspace_id == Workspace.id)
        .correlate(Workspace)
        .scalar_subquery()
    )
    rows = session.execute(select(Workspace.id, urgent, func.coalesce(served, 0.0))).all()
    order = sorted((priority, last, key) for key, priority, last in rows if priority is not None)
    return [key for _, _, key in order]


def most_urgent(ready: ColumnElement[bool], workspace_id: int, limit: int) -> Select[int]:
    """Ids of a workspace's ready units, most urgent first, locked."""
    return (
        select(WorkUnit.id)
        .where(ready, WorkUnit.workspace_id == workspace_id)
        .order_by(WorkUnit.priority, WorkUnit.id)
        .limit(limit)
        # Nothing on SQLite, where the write transaction is alone anyway.
        .with_for_update(skip_locked=True)
    )
