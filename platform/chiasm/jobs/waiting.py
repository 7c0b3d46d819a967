"""Waiting for a job, from the shell, from Python and over HTTP."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import replace

from chiasm.catalog import Catalog
from chiasm.errors import ChiasmError, ConflictError, UnavailableError
from chiasm.jobs.embedded import ensure_worker
from chiasm.jobs.kinds import QUEUES
from chiasm.jobs.notify import notify
from chiasm.jobs.progress import Progress, progress
from chiasm.jobs.queueing import PAUSED
from chiasm.settings import Settings

__all__ = ["AWAY_S", "follow", "wait", "wake"]

#: How often a waiting embedded home sees to it that a worker is there (one may be killed at any time).
_ENSURE_S = 2.0
#: Starts without any progress after which waiting is given up.
_MAX_STARTS = 5
#: Who waits for a job outlasts a database that is started anew, but not one that stays away.
AWAY_S = 300.0
_AWAY_POLL_S = 0.5


def wake(settings: Settings, *queues: str) -> None:
    """See to it that somebody works: wake-ups to the lanes, and an embedded home's own worker.

    Call it after the transaction that made the units.
    """
    # A worker that is just starting looks into SQL anyway; the message is for those that run.
    if not ensure_worker(settings):
        notify(settings, *(queues or QUEUES))


def follow(
    settings: Settings, catalog: Catalog, job_id: int, *, poll_s: float = 0.1, timeout_s: float | None = None
) -> Iterator[Progress]:
    """The job's progress, whenever it changed, until it has ended (the last one).

    Raises:
        NotFoundError: There is no such job.
        ConflictError: It has not ended after `timeout_s`.
        ChiasmError: The embedded home's worker was started again and again and did nothing.
        UnavailableError: The catalog was away for longer than `AWAY_S`.
    """
    begin = time.monotonic()
    ensured = begin
    starts, away = 0, 0.0
    last: Progress | None = None
    while True:
        try:
            now = progress(catalog, job_id)
        except UnavailableError:
            away = away or time.monotonic()
            if last is None or time.monotonic() - away > AWAY_S:
                raise
            time.sleep(_AWAY_POLL_S)
            continue
        away = 0.0
        if last is None or _moved(last, now):
            starts = starts if last is None else 0
            yield now
        last = now
        if now.ended:
            return
        if timeout_s is not None and time.monotonic() - begin > timeout_s:
            raise ConflictError(
                f"not done after {timeout_s:g} s",
                where=f"job {job_id}",
                remedy="it goes on; ask again later with `chiasm jobs show`",
            )
        # A paused job needs no worker, and none would stay for it.
        if now.state != PAUSED and time.monotonic() - ensured > _ENSURE_S:
            ensured = time.monotonic()
            starts += ensure_worker(settings)
        if starts > _MAX_STARTS:
            raise ChiasmError(
                "workers end as soon as they are started",
                where=str(settings.queue_dir / "worker.log"),
                remedy="the log says why; the job is kept and goes on with the next worker",
            )
        time.sleep(poll_s)


def wait(
    settings: Settings,
    catalog: Catalog,
    job_id: int,
    *,
    poll_s: float = 0.1,
    timeout_s: float | None = None,
    report: Callable[[Progress], None] | None = None,
) -> Progress:
    """The job's last progress, once it has ended.

    Args:
        settings: The home; an embedded one gets a worker if it has none.
        catalog: Where the job is.
        job_id: Job.
        poll_s: Seconds between looks.
        timeout_s: Give up after so many seconds; default never.
        report: Called with each change.

    Raises:
        NotFoundError: There is no such job.
        ConflictError: It has not ended after `timeout_s`.
    """
    for state in follow(settings, catalog, job_id, poll_s=poll_s, timeout_s=timeout_s):
        last = state
        if report is not None:
            report(state)
    return last


def _moved(before: Progress, after: Progress) -> bool:
    """Whether anything but the clock moved on."""
    still = {"elapsed_s": 0.0, "rate_per_s": None, "eta_s": None}
    return replace(before, **still) != replace(after, **still)  # type: ignore[arg-type]
