"""A job as its submitter sees it: wait, progress, result, failures, cancel."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from chiasm.client.errors import ServiceError, WaitTimeout
from chiasm.client.protocol import Backend
from chiasm.errors import JobFailed, UnavailableError

__all__ = ["Job", "JobFailure", "JobProgress"]

_FINAL = ("done", "failed", "cancelled")
_PAUSED = "paused"
#: Who waits outlasts a service or a database that is started anew, but not one that stays away.
_AWAY_S = 300.0
_AWAY_POLL_S = 0.5
_FIRST_POLL_S = 0.05
_LAST_POLL_S = 0.2
_NUDGE_EVERY_S = 2.0
#: Workers that an embedded home started and that ended without doing anything.
_MAX_IDLE_STARTS = 8


@dataclass(frozen=True)
class JobProgress:
    """How far a job is."""

    id: int
    kind: str
    #: queued, running, paused, done, failed or cancelled.
    state: str
    stage: str | None = None
    done: int = 0
    #: What is known so far; grows while a file is being read.
    total: int = 0
    #: Units by state.
    units: Mapping[str, int] = field(default_factory=dict)
    #: Records, assets and units that failed alone so far.
    failures: int = 0
    #: Items a second since the job began; None before the first.
    rate_per_s: float | None = None
    #: Of the work known so far.
    eta_s: float | None = None
    elapsed_s: float = 0.0
    result: Mapping[str, Any] = field(default_factory=dict)
    error: str | None = None
    created_at: float | None = None
    started_at: float | None = None
    finished_at: float | None = None

    @classmethod
    def from_dict(cls, row: Mapping[str, Any]) -> JobProgress:
        """Progress from the JSON of `/v1/jobs/{id}`; fields of later versions are passed over."""
        known = {item.name for item in fields(cls)}
        return cls(**{name: value for name, value in row.items() if name in known})

    @property
    def finished(self) -> bool:
        """Whether nothing more will happen."""
        return self.state in _FINAL

    @property
    def ratio(self) -> float | None:
        """Share done in [0, 1]; None while the total is unknown."""
        return min(1.0, self.done / self.total) if self.total else None


@dataclass(frozen=True)
class JobFailure:
    """One record, asset or unit that failed alone."""

    where: str | None
    key: str | None
    #: `ChiasmError.to_dict()`: what, where, remedy.
    error: Mapping[str, Any]

    def __str__(self) -> str:
        place = " ".join(part for part in (self.where, self.key) if part)
        return f"{place}: {self.error.get('what')}" if place else str(self.error.get("what"))


class Job:
    """Work that was asked for; it goes on whether or not somebody waits."""

    def __init__(self, backend: Backend, job_id: int) -> None:
        self._backend = backend
        self.id = job_id

    def __repr__(self) -> str:
        now = self.progress
        return f"<Job {self.id} {now.kind} {now.state} {now.done}/{now.total}>"

    @property
    def progress(self) -> JobProgress:
        """State, stage, counts, rate and ETA of this moment."""
        return JobProgress.from_dict(self._backend.job(self.id))

    @property
    def result(self) -> dict[str, Any]:
        """What the job returned; empty before it is done."""
        return dict(self.progress.result)

    @property
    def failures(self) -> list[JobFailure]:
        """What failed alone, in order."""
        rows = self._backend.failures(self.id, limit=1000)
        return [JobFailure(row.get("where"), row.get("key"), row.get("error") or {}) for row in rows]

    def cancel(self) -> Job:
        """Ask for an end; workers stop at their next heartbeat."""
        self._backend.cancel(self.id)
        return self

    def pause(self) -> Job:
        """Have it wait: what runs is finished, nothing more is begun."""
        self._backend.pause(self.id)
        return self

    def resume(self) -> Job:
        """Let it go on after a pause."""
        self._backend.resume(self.id)
        return self

    def follow(self) -> Iterator[JobProgress]:
        """The progress at each change, until the job has ended (the last one).

        Raises:
            ServiceError: The service stays away.
        """
        return map(JobProgress.from_dict, self._backend.follow(self.id))

    def retry(self) -> int:
        """How many units were handed in again: those that failed, and those that a cancel dropped."""
        return self._backend.retry(self.id)

    def wait(
        self, timeout_s: float | None = None, *, watch: Callable[[JobProgress], None] | None = None
    ) -> Job:
        """This job, once it is done.

        Args:
            timeout_s: How long to wait; None is for ever.
            watch: Called with the progress at each look.

        Raises:
            JobFailed: It failed, or was cancelled.
            ServiceError: The home's own worker does not stay up, or the service stays away.
            UnavailableError: The database stays away.
            WaitTimeout: It is not done yet; it goes on.
        """
        started, pause_s = time.monotonic(), _FIRST_POLL_S
        nudged, idle_starts, seen = started, 0, None

        def left_s() -> float:
            return float("inf") if timeout_s is None else timeout_s - (time.monotonic() - started)

        while True:
            now = self._progress_soon(left_s())
            idle_starts = idle_starts if (now.done, now.total, now.units) == seen else 0
            seen = (now.done, now.total, now.units)
            if watch is not None:
                watch(now)
            if now.finished:
                return self._finished(now)
            if left_s() <= 0:
                raise WaitTimeout(
                    f"job {self.id} is not done after {timeout_s:g} s",
                    where=f"{now.stage or now.state}, {now.done} of {now.total}",
                    remedy=f"it goes on; see `chiasm jobs show {self.id}`",
                )
            # A paused job needs no worker, and none would stay for it.
            if now.state != _PAUSED and time.monotonic() - nudged > _NUDGE_EVERY_S:
                nudged = time.monotonic()
                idle_starts += self._backend.nudge()
                if idle_starts > _MAX_IDLE_STARTS:
                    raise self._no_worker()
            time.sleep(min(pause_s, max(0.0, left_s())))
            pause_s = min(_LAST_POLL_S, pause_s * 1.3)

    def _progress_soon(self, left_s: float) -> JobProgress:
        """The progress; whoever should tell it may be away for a while."""
        until = time.monotonic() + min(_AWAY_S, left_s)
        while True:
            try:
                return self.progress
            except (ServiceError, UnavailableError):
                if time.monotonic() >= until:
                    raise
                time.sleep(_AWAY_POLL_S)

    def _no_worker(self) -> ServiceError:
        return ServiceError(
            "the home's worker ends as soon as it is started",
            where=f"job {self.id}",
            remedy="queue/worker.log in the home says why; the job waits and goes on with the next worker",
        )

    def _finished(self, now: JobProgress) -> Job:
        if now.state == "done":
            return self
        if now.state == "cancelled":
            raise JobFailed(
                "it was cancelled",
                where=f"job {self.id} ({now.kind})",
                remedy=f"run `chiasm jobs retry {self.id}`",
            )
        raise JobFailed(
            now.error or "the job failed",
            where=f"job {self.id} ({now.kind})",
            remedy=f"see `chiasm jobs failures {self.id}`, then `chiasm jobs retry {self.id}`",
        )
