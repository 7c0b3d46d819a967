"""Jobs and their units, written in the transaction of the rows they concern."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from chiasm.catalog.models import Job, WorkUnit
from chiasm.errors import NotFoundError
from chiasm.jobs.kinds import unit_kind
from chiasm.jobs.queueing import PAUSED

__all__ = ["add_units", "create_job", "find_job"]

#: SQLite takes 32,766 bound values a statement; a unit has about a dozen.
_ROWS_PER_STATEMENT = 1000


def create_job(
    session: Session,
    workspace_id: int,
    kind: str,
    params: Mapping[str, Any],
    idempotency_key: str | None = None,
) -> Job:
    """The new job, flushed; with a known idempotency key the job that was made with it.

    A job found by its key already has its units: ask `find_job` first and add none.

    Args:
        session: A write transaction of the catalog.
        workspace_id: Tenant.
        kind: ingest, train, evaluate, ...
        params: What was asked; JSON.
        idempotency_key: Asking twice with the same key does it once.
    """
    found = find_job(session, workspace_id, idempotency_key)
    if found is not None:
        return found
    job = Job(
        workspace_id=workspace_id, kind=kind, params=dict(params), idempotency_key=idempotency_key, result={}
    )
    try:
        with session.begin_nested():
            session.add(job)
            session.flush()
    except IntegrityError:
        # Somebody asked with the same key a moment ago (PostgreSQL only: SQLite has one writer).
        found = find_job(session, workspace_id, idempotency_key)
        if found is None:
            raise
        return found
    return job


def find_job(session: Session, workspace_id: int, idempotency_key: str | None) -> Job | None:
    """The job that was made with this key, if any."""
    if idempotency_key is None:
        return None
    known = select(Job).where(Job.workspace_id == workspace_id, Job.idempotency_key == idempotency_key)
    return session.scalar(known)


def add_units(
    session: Session,
    job: Job | int,
    kind: str,
    payloads: Sequence[Mapping[str, Any]],
    *,
    queue: str | None = None,
    priority: int = 100,
    dedup_keys: Sequence[str | None] | None = None,
    items: Sequence[int] | None = None,
    split_on: str | None = None,
) -> int:
    """How many units were added; those whose deduplication key the job already has are left out.

    A unit may add units to its own job in the transaction that finishes it. An ended job is open again.

    Args:
        session: The write transaction that also makes the rows the units concern.
        job: The job or its id.
        kind: Which handler does it.
        payloads: One JSON object a unit.
        queue: Lane; default the kind's.
        priority: Smaller is claimed first.
        dedup_keys: One a unit: made once within the job, however often the maker is retried.
        items: One a unit: how much work it holds; default the length of the list it may be split on.
        split_on: Name of the payload's list that may be halved; default the kind's.

    Raises:
        NotFoundError: There is no such job.
    """
    job_id = job if isinstance(job, int) else job.id
    owner = session.execute(
        select(Job.workspace_id, Job.cancel_requested, Job.state).where(Job.id == job_id)
    ).one_or_none()
    if owner is None:
        raise NotFoundError("no such job", where=str(job_id))
    known = unit_kind(kind)
    split_on = split_on or known.split_on
    rows = [
        {
            "job_id": job_id,
            "workspace_id": owner.workspace_id,
            "kind": kind,
            "queue": queue or known.queue,
            "priority": priority,
            "payload": dict(payload),
            "dedup_key": dedup_keys[index] if dedup_keys else None,
            "state": _first_state(owner.state, cancelled=owner.cancel_requested),
            "split_on": split_on if split_on in payload else None,
            "items_total": items[index] if items else _size(payload, split_on),
            "cursor": {},
            "result": {},
        }
        for index, payload in enumerate(payloads)
    ]
    rows = _without_known(session, job_id, rows)
    for start in range(0, len(rows), _ROWS_PER_STATEMENT):
        session.execute(insert(WorkUnit), rows[start : start + _ROWS_PER_STATEMENT])
    if rows and owner.state in {"done", "failed"}:
        session.execute(
            update(Job).where(Job.id == job_id).values(state="running", finished_at=None, error=None)
        )
    return len(rows)


def _first_state(job_state: str, *, cancelled: bool) -> str:
    if cancelled:
        return "cancelled"
    return PAUSED if job_state == PAUSED else "ready"


def _size(payload: Mapping[str, Any], split_on: str | None) -> int:
    parts = payload.get(split_on) if split_on else None
    return len(parts) if isinstance(parts, list) else 0


def _without_known(session: Session, job_id: int, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    keys = [row["dedup_key"] for row in rows if row["dedup_key"] is not None]
    known: set[str | None] = set()
    for start in range(0, len(keys), _ROWS_PER_STATEMENT):
        some = keys[start : start + _ROWS_PER_STATEMENT]
        statement = select(WorkUnit.dedup_key).where(WorkUnit.job_id == job_id, WorkUnit.dedup_key.in_(some))
        known.update(session.scalars(statement))
    fresh = []
    for row in rows:
        key = row["dedup_key"]
        if key is None or key not in known:
            fresh.append(row)
            known.add(key)
    return fresh
