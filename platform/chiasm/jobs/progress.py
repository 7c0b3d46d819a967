"""How far a job is, computed from its rows."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from chiasm.catalog import Catalog, db_now
from chiasm.catalog.models import Failure, Job, WorkUnit
from chiasm.errors import NotFoundError
from chiasm.jobs.queueing import OPEN_STATES

__all__ = ["FINAL_STATES", "Progress", "progress"]

#: A job in one of these does not change any more, unless it is retried.
FINAL_STATES = ("done", "failed", "cancelled")


@dataclass(frozen=True)
class Progress:
    """A job at one moment."""

    job_id: int
    kind: str
    #: queued, running, paused, done, failed or cancelled.
    state: str
    #: What it is doing, in a word or two.
    stage: str | None
    #: Units by state: ready, leased, paused, done, failed, cancelled.
    units: dict[str, int]
    units_done: int
    units_total: int
    #: Records, assets, entities or steps, as the units count them; grows while units add units.
    items_done: int
    items_total: int
    #: Items a second since the job began.
    rate_per_s: float | None
    #: Of the work known so far.
    eta_s: float | None
    #: Records, assets and units that failed and were not replayed.
    failures: int
    elapsed_s: float
    result: dict[str, Any]
    error: str | None
    created_at: float
    started_at: float | None
    finished_at: float | None

    @property
    def ended(self) -> bool:
        """Whether nothing more will happen."""
        return self.state in FINAL_STATES

    def to_dict(self) -> dict[str, Any]:
        """The progress as JSON."""
        return asdict(self)


def progress(catalog: Catalog, job_id: int, *, workspace_id: int | None = None) -> Progress:
    """How far a job is.

    Raises:
        NotFoundError: There is no such job (in that workspace).
    """
    with catalog.read() as session:
        job = session.get(Job, job_id)
        if job is None or (workspace_id is not None and job.workspace_id != workspace_id):
            raise NotFoundError("no such job", where=str(job_id), remedy="`chiasm jobs list` shows them")
        return progress_of(session, job)


def progress_of(session: Session, job: Job) -> Progress:
    """How far a job is, within a session."""
    counted = (
        select(
            WorkUnit.state,
            func.count(),
            func.coalesce(func.sum(WorkUnit.items_done), 0),
            func.coalesce(func.sum(WorkUnit.items_total), 0),
        )
        .where(WorkUnit.job_id == job.id)
        .group_by(WorkUnit.state)
    )
    rows = session.execute(counted).all()
    units = {state: int(count) for state, count, _, _ in rows}
    done = int(sum(row[2] for row in rows))
    total = max(done, int(sum(row[3] for row in rows)))
    now = float(session.scalar(select(db_now())) or 0.0)
    elapsed_s = max(0.0, (job.finished_at or now) - job.started_at) if job.started_at else 0.0
    rate = done / elapsed_s if done and elapsed_s > 0 else None
    return Progress(
        job_id=job.id,
        kind=job.kind,
        state=job.state,
        stage=_stage(session, job),
        units=units,
        units_done=sum(count for state, count in units.items() if state not in OPEN_STATES),
        units_total=sum(units.values()),
        items_done=done,
        items_total=total,
        rate_per_s=rate,
        eta_s=(total - done) / rate if rate and job.state == "running" else None,
        failures=_failures(session, job.id),
        elapsed_s=elapsed_s,
        result=dict(job.result or {}),
        error=job.error,
        created_at=job.created_at,
        started_at=job.started_at,
        finished_at=job.finished_at,
    )


def _stage(session: Session, job: Job) -> str | None:
    if job.state in FINAL_STATES:
        return None
    newest = (
        select(func.coalesce(WorkUnit.stage, WorkUnit.kind))
        .where(WorkUnit.job_id == job.id, WorkUnit.state == "leased")
        .order_by(WorkUnit.started_at.desc())
        .limit(1)
    )
    return session.scalar(newest) or _waits_for(session, job) or job.stage


def _waits_for(session: Session, job: Job) -> str | None:
    """Why the next unit was put off, if nobody works on any."""
    put_off = (
        select(WorkUnit.error)
        .where(WorkUnit.job_id == job.id, WorkUnit.state == "ready", WorkUnit.error.is_not(None))
        .order_by(WorkUnit.available_at)
        .limit(1)
    )
    reason = session.scalar(put_off)
    return None if reason is None else f"trying again after: {reason}"


def _failures(session: Session, job_id: int) -> int:
    open_letters = (Failure.job_id == job_id, Failure.replayed_at.is_(None))
    return session.scalar(select(func.count()).select_from(Failure).where(*open_letters)) or 0
