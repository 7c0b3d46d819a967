"""Units that nobody does, leases that have run out, jobs that should have ended, dead letters."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import exists, func, select
from sqlalchemy.orm import Session

from chiasm.catalog import db_now
from chiasm.catalog.models import Failure, Job, WorkUnit
from chiasm.jobs.queueing import OPEN_STATES
from chiasm.upkeep.findings import REPAIR, Finding
from chiasm.upkeep.site import Site

__all__ = ["look"]

_SHOWN = 10


def look(site: Site) -> Iterator[Finding]:
    """What waits, what is stuck, what has failed."""
    from chiasm.jobs import worker_present

    with site.catalog.read() as session:
        ready, leased = (_count(session, state) for state in ("ready", "leased"))
        lost = session.scalar(
            select(func.count())
            .select_from(WorkUnit)
            .where(WorkUnit.state == "leased", WorkUnit.lease_until < db_now())
        )
        endless = _endless(session)
        letters = _dead_letters(session)
    if (ready or leased) and not worker_present(site.settings):
        what = f"{ready} units are ready, {leased} begun, and no worker of this machine serves the home"
        yield Finding("warning", what, "run `chiasm worker` or `chiasm up`", ready + leased)
    else:
        yield Finding("ok", f"{ready} units ready, {leased} in work")
    if lost:
        what = f"{lost} leases have run out (a lost worker)"
        yield Finding("warning", what, "the next worker takes them", lost, mend=lambda: _take_back(site))
    if endless:
        what = f"{len(endless)} jobs are running though no unit of theirs is left"
        yield Finding("problem", what, REPAIR, len(endless), mend=lambda: _end(site, endless))
    for job_id, count in letters:
        what = f"{count} dead letters in job {job_id}"
        yield Finding("warning", what, f"see `chiasm jobs failures {job_id}`", count)


def _count(session: Session, state: str) -> int:
    statement = select(func.count()).select_from(WorkUnit).where(WorkUnit.state == state)
    return session.scalar(statement) or 0


def _endless(session: Session) -> list[int]:
    left = exists().where(WorkUnit.job_id == Job.id, WorkUnit.state.in_(OPEN_STATES))
    begun = exists().where(WorkUnit.job_id == Job.id)
    statement = select(Job.id).where(Job.state.in_(("queued", "running")), begun, ~left)
    return list(session.scalars(statement.order_by(Job.id)))


def _take_back(site: Site) -> str:
    from chiasm.jobs import sweep

    return f"took {sweep(site.catalog)} leases back"


def _end(site: Site, job_ids: list[int]) -> str:
    from chiasm.jobs.closing import close_job

    for job_id in job_ids:
        with site.catalog.write() as session:
            close_job(session, job_id)
    return f"ended {len(job_ids)} jobs"


def _dead_letters(session: Session) -> list[tuple[int, int]]:
    statement = (
        select(Failure.job_id, func.count())
        .where(Failure.replayed_at.is_(None))
        .group_by(Failure.job_id)
        .order_by(Failure.job_id.desc())
        .limit(_SHOWN)
    )
    return [(job_id, count) for job_id, count in session.execute(statement)]
