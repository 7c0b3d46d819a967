"""Leases that ran out: back in the queue, halved, or buried."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import ColumnElement, or_, select
from sqlalchemy.orm import Session

from chiasm.catalog import Catalog, db_now
from chiasm.catalog.models import Job, WorkUnit
from chiasm.jobs.closing import close_job
from chiasm.jobs.halving import halve, place_of, size_of
from chiasm.jobs.outcomes import bury
from chiasm.jobs.owners import is_gone
from chiasm.jobs.queueing import PAUSED

__all__ = ["BISECT_AFTER", "MAX_LOSSES", "sweep"]

#: Times that the worker of one unit may be lost.
MAX_LOSSES = 20
#: After so many a unit of several records is halved, so that a record that kills workers ends alone.
BISECT_AFTER = 2
#: Pause of a suspect for each worker that was lost with it.
_PAUSE_S = 0.5
_MAX_PAUSE_S = 10.0


def sweep(catalog: Catalog, *, owners: Sequence[str] = ()) -> int:
    """How many leases were taken back: those that ran out and those whose process is known to be gone.

    Args:
        catalog: Where the units are.
        owners: Workers that the caller knows to be gone, with leases not run out yet.
    """
    with catalog.read() as session:
        held_by = session.scalars(select(WorkUnit.owner).where(WorkUnit.state == "leased").distinct()).all()
        gone = sorted({name for name in held_by if name and (name in owners or is_gone(name))})
        if session.scalar(select(WorkUnit.id).where(_lost(gone)).limit(1)) is None:
            return 0
    with catalog.write() as session:
        # Rows that a claim or another sweep has locked are left to it.
        lost = session.scalars(select(WorkUnit).where(_lost(gone)).with_for_update(skip_locked=True)).all()
        for unit in lost:
            _take_back(session, unit)
        return len(lost)


def _lost(gone: Sequence[str]) -> ColumnElement[bool]:
    over = or_(WorkUnit.lease_until < db_now(), WorkUnit.owner.in_(gone))
    return (WorkUnit.state == "leased") & over


def _take_back(session: Session, unit: WorkUnit) -> None:
    unit.losses += 1
    # The old claim's token is refused from here on, although nobody has claimed the unit anew.
    unit.token += 1
    unit.owner = None
    unit.lease_until = None
    unit.stage = None
    session.flush()
    cancelled, job_state = session.execute(
        select(Job.cancel_requested, Job.state).where(Job.id == unit.job_id)
    ).one()
    if cancelled:
        unit.state = "cancelled"
        close_job(session, unit.job_id)
    elif unit.losses >= BISECT_AFTER and size_of(unit) > 1:
        halve(session, unit)
    elif unit.losses >= MAX_LOSSES:
        what = f"its worker was lost {unit.losses} times"
        remedy = (
            "the record may need more memory or time than a worker has; mend it, then `chiasm jobs retry`"
        )
        letter = {"error": "worker-lost", "what": what, "where": place_of(unit), "remedy": remedy}
        bury(session, unit.id, letter, unit.stack)
    else:
        unit.state = "ready"
        if unit.losses > BISECT_AFTER:
            # It may be the unit that kills them: the others go first.
            now = float(session.scalar(select(db_now())) or 0.0)
            unit.available_at = now + min(_MAX_PAUSE_S, _PAUSE_S * unit.losses)
    if unit.state == "ready" and job_state == PAUSED:
        unit.state = PAUSED
