"""A job that is to wait: its units are claimed by nobody until it goes on."""

from __future__ import annotations

from sqlalchemy import Update, update

from chiasm.catalog import Catalog
from chiasm.catalog.models import WorkUnit
from chiasm.jobs.control import locked_job
from chiasm.jobs.progress import FINAL_STATES
from chiasm.jobs.queueing import PAUSED

__all__ = ["pause", "resume"]


def pause(catalog: Catalog, job_id: int, *, workspace_id: int | None = None) -> bool:
    """Have a job wait: units not begun are not claimed any more, running ones are finished.

    What it reads after it goes on counts as newer than what other jobs of the workspace read meanwhile.

    Returns:
        False if the job has ended or is about to be cancelled.

    Raises:
        NotFoundError: There is no such job (in that workspace).
    """
    with catalog.write() as session:
        # Units before their job, in the order in which claims and finishes lock them.
        session.execute(_all(job_id, "ready", PAUSED))
        job = locked_job(session, job_id, workspace_id)
        if job.state in FINAL_STATES or job.cancel_requested:
            return False
        job.state = PAUSED
        return True


def resume(catalog: Catalog, job_id: int, *, workspace_id: int | None = None) -> bool:
    """Let a paused job go on; False if it was not paused. Wake workers after it.

    Raises:
        NotFoundError: There is no such job (in that workspace).
    """
    with catalog.write() as session:
        session.execute(_all(job_id, PAUSED, "ready"))
        job = locked_job(session, job_id, workspace_id)
        if job.state != PAUSED:
            return False
        job.state = "running" if job.started_at else "queued"
        return True


def _all(job_id: int, state: str, then: str) -> Update:
    return update(WorkUnit).where(WorkUnit.job_id == job_id, WorkUnit.state == state).values(state=then)
