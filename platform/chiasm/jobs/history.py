"""What came of a schedule's runs."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select

from chiasm.catalog import Catalog
from chiasm.catalog.models import Job, Schedule, ScheduleRun
from chiasm.jobs.schedules import find_schedule

__all__ = ["history"]


def history(catalog: Catalog, workspace_id: int, name: str, *, limit: int = 50) -> list[dict[str, Any]]:
    """Runs of a schedule, newest first: when each was due, whether it was fired, and what its job came to.

    `outcome` is waiting, firing, skipped, missed or failed (no job could be made); the state of a job that runs or did
    not end well; done; or, for a training, promoted or not promoted.

    Raises:
        NotFoundError: There is no such schedule.
    """
    with catalog.read() as session:
        schedule = find_schedule(session, workspace_id, name)
        runs = (
            select(ScheduleRun, Job)
            .outerjoin(Job, Job.id == ScheduleRun.job_id)
            .where(ScheduleRun.schedule_id == schedule.id)
            .order_by(ScheduleRun.created_at.desc(), ScheduleRun.due_at.desc())
            .limit(limit)
        )
        return [_shown(schedule, run, job) for run, job in session.execute(runs)]


def _shown(schedule: Schedule, run: ScheduleRun, job: Job | None) -> dict[str, Any]:
    result = (job.result or {}) if job is not None else {}
    return {
        # Of conditions without a clock it is a release's time, and nothing that was due.
        "due_at": run.due_at if schedule.cron else None,
        "at": run.created_at,
        "outcome": _outcome(run, job),
        "job": run.job_id,
        "release": result.get("release"),
        "note": run.note,
        "cause": run.cause or {},
        "error": run.error or (job.error if job is not None else None),
        "finished_at": job.finished_at if job is not None else None,
    }


def _outcome(run: ScheduleRun, job: Job | None) -> str:
    if job is None:
        return "firing" if run.state in ("claimed", "fired") else run.state
    state = (job.result or {}).get("state")
    if job.state != "done" or job.kind != "train" or state is None:
        return job.state
    return "promoted" if state == "active" else "not promoted"
