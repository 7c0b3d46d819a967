"""What one may do with a job: list, cancel, see what failed, replay it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from chiasm.catalog import Catalog, db_now
from chiasm.catalog.models import Failure, Job, WorkUnit
from chiasm.errors import NotFoundError
from chiasm.jobs.closing import close_job
from chiasm.jobs.create import add_units
from chiasm.jobs.progress import FINAL_STATES, Progress, progress_of
from chiasm.jobs.queueing import PAUSED, waiting_state

__all__ = ["DeadLetter", "cancel", "failures", "list_jobs", "locked_job", "retry"]


@dataclass(frozen=True)
class DeadLetter:
    """Something of a job that failed alone, and why."""

    id: int
    job_id: int
    unit_id: int | None
    where: str | None
    key: str | None
    #: `ChiasmError.to_dict()`.
    error: dict[str, Any]
    stack: str | None
    #: Whether `retry` hands it in again.
    replayable: bool
    created_at: float
    replayed_at: float | None

    def to_dict(self) -> dict[str, Any]:
        """The letter as JSON."""
        return asdict(self)


def list_jobs(catalog: Catalog, workspace_id: int, *, limit: int = 50) -> list[Progress]:
    """The newest jobs of a workspace, newest first."""
    statement = select(Job).where(Job.workspace_id == workspace_id)
    with catalog.read() as session:
        newest = session.scalars(statement.order_by(Job.created_at.desc(), Job.id.desc()).limit(limit)).all()
        return [progress_of(session, job) for job in newest]


def cancel(catalog: Catalog, job_id: int, *, workspace_id: int | None = None) -> bool:
    """Ask a job to stop: units not begun are dropped at once, running ones at their next heartbeat.

    Returns:
        False if the job had ended before.

    Raises:
        NotFoundError: There is no such job (in that workspace).
    """
    with catalog.write() as session:
        if _job(session, job_id, workspace_id).state in FINAL_STATES:
            return False
        # Units before their job, in the order in which claims and finishes lock them.
        session.execute(
            update(WorkUnit)
            .where(WorkUnit.job_id == job_id, WorkUnit.state.in_(("ready", PAUSED)))
            .values(state="cancelled", finished_at=db_now())
        )
        job = locked_job(session, job_id, workspace_id)
        if job.state in FINAL_STATES:
            return False
        job.cancel_requested = True
        if close_job(session, job_id):
            # Nothing was running; an empty job has no unit that could show it.
            job.state = "cancelled"
        return True


def failures(
    catalog: Catalog,
    job_id: int,
    *,
    workspace_id: int | None = None,
    limit: int = 1000,
    replayed: bool = False,
) -> list[DeadLetter]:
    """What failed in a job and was not replayed yet, in the order in which it failed.

    Args:
        catalog: Where the job is.
        job_id: Job.
        workspace_id: Tenant, where the caller has one.
        limit: At most so many.
        replayed: Also those that were replayed.

    Raises:
        NotFoundError: There is no such job (in that workspace).
    """
    with catalog.read() as session:
        _job(session, job_id, workspace_id)
        statement = select(Failure).where(Failure.job_id == job_id)
        if not replayed:
            statement = statement.where(Failure.replayed_at.is_(None))
        rows = session.scalars(statement.order_by(Failure.id).limit(limit)).all()
        return [
            DeadLetter(
                id=row.id,
                job_id=row.job_id,
                unit_id=row.unit_id,
                where=row.where,
                key=row.key,
                error=row.error,
                stack=row.stack,
                replayable=row.replay is not None,
                created_at=row.created_at,
                replayed_at=row.replayed_at,
            )
            for row in rows
        ]


def retry(catalog: Catalog, job_id: int, *, workspace_id: int | None = None) -> int:
    """How many units are ready again: dead letters, and what a cancel dropped. Wake workers after it.

    Raises:
        NotFoundError: There is no such job (in that workspace).
    """
    with catalog.write() as session:
        job = locked_job(session, job_id, workspace_id)
        count = _resume(session, job)
        letters = select(Failure).where(
            Failure.job_id == job_id, Failure.replayed_at.is_(None), Failure.replay.is_not(None)
        )
        for letter in session.scalars(letters.order_by(Failure.id)).all():
            count += _replay(session, job, letter)
        if count and job.state != PAUSED:
            job.state = "running" if job.started_at else "queued"
            job.finished_at = None
            job.error = None
            job.result = {name: value for name, value in job.result.items() if name != "failed"}
        return count


def _resume(session: Session, job: Job) -> int:
    if not job.cancel_requested:
        return 0
    job.cancel_requested = False
    session.flush()
    again = update(WorkUnit).where(WorkUnit.job_id == job.id, WorkUnit.state == "cancelled")
    rows = session.scalars(again.values(state="ready", finished_at=None).returning(WorkUnit.id))
    return len(rows.all())


def _replay(session: Session, job: Job, letter: Failure) -> int:
    recipe = letter.replay or {}
    letter.replayed_at = session.scalar(select(db_now()))
    if recipe.get("unit_id") is None:
        return add_units(session, job, recipe["kind"], [recipe["payload"]])
    again = (
        update(WorkUnit)
        .where(WorkUnit.id == recipe["unit_id"], WorkUnit.state == "failed")
        .values(
            state=waiting_state(),
            attempts=0,
            losses=0,
            available_at=0.0,
            error=None,
            stack=None,
            finished_at=None,
        )
    )
    return len(session.scalars(again.returning(WorkUnit.id)).all())


def locked_job(session: Session, job_id: int, workspace_id: int | None) -> Job:
    """The job, locked and as it is now; raises NotFoundError."""
    return _job(session, job_id, workspace_id, lock=True)


def _job(session: Session, job_id: int, workspace_id: int | None, *, lock: bool = False) -> Job:
    wanted = select(Job).where(Job.id == job_id)
    if lock:
        wanted = wanted.with_for_update(key_share=True)
    job = session.scalars(wanted, execution_options={"populate_existing": True}).one_or_none()
    if job is None or (workspace_id is not None and job.workspace_id != workspace_id):
        raise NotFoundError("no such job", where=str(job_id), remedy="`chiasm jobs list` shows them")
    return job
