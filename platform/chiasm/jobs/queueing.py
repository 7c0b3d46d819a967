"""States of a unit, and the one in which it waits for a worker."""

from __future__ import annotations

from sqlalchemy import ColumnElement, case, select

from chiasm.catalog.models import Job, WorkUnit

__all__ = ["OPEN_STATES", "PAUSED", "waiting_state"]

#: Of a job, and of its units that nobody has begun.
PAUSED = "paused"
#: Units in one of these are still to be done.
OPEN_STATES = ("ready", "leased", PAUSED)


def waiting_state() -> ColumnElement[str]:
    """What an update sets a unit to that goes back to the queue: ready, or paused with its job."""
    job_state = select(Job.state).where(Job.id == WorkUnit.job_id).correlate(WorkUnit).scalar_subquery()
    return case((job_state == PAUSED, PAUSED), else_="ready")
