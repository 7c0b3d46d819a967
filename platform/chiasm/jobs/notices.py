"""Outcomes that people want to be told of: a row in the transaction that brings them about, so that none is lost."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from chiasm.catalog.models import Job, Notice, Schedule, ScheduleRun

__all__ = ["note", "note_job"]

_TOLD = frozenset({"train", "evaluate", "import"})


def note(session: Session, workspace_id: int, event: str, body: Mapping[str, Any]) -> None:
    """Write down that something happened, in the caller's write transaction.

    Args:
        session: The transaction that brings it about.
        workspace_id: Tenant.
        event: release.promoted, release.refused, release.rolled_back, job.failed or schedule.failed.
        body: What of; JSON without contents of the catalogue.
    """
    session.add(Notice(workspace_id=workspace_id, event=event, body=dict(body)))


def note_job(session: Session, job: Job) -> None:
    """Write down how a training, an evaluation or an import ended, if anybody wants to be told."""
    if job.kind not in _TOLD:
        return
    result = job.result or {}
    body = {"job": job.id, "kind": job.kind, "release": result.get("release"), **_schedule(session, job)}
    if job.state == "failed":
        # Not the error: it may quote the catalogue, and `chiasm jobs show` has it.
        note(session, job.workspace_id, "job.failed", body)
    elif job.state == "done" and result.get("state") == "active":
        note(session, job.workspace_id, "release.promoted", body)
    elif job.state == "done" and job.kind == "train" and job.params.get("promote") == "gate":
        reasons = list((result.get("gate") or {}).get("reasons", []))[:10]
        note(session, job.workspace_id, "release.refused", {**body, "reasons": reasons})


def _schedule(session: Session, job: Job) -> dict[str, str]:
    if not (job.idempotency_key or "").startswith("schedule:"):
        return {}
    name = session.scalar(
        select(Schedule.name)
        .join(ScheduleRun, ScheduleRun.schedule_id == Schedule.id)
        .where(ScheduleRun.job_id == job.id)
    )
    return {} if name is None else {"schedule": name}
