"""Waiting for a job: a bar on a terminal, a line now and then elsewhere."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Any

from chiasm.cli.frame import Frame

if TYPE_CHECKING:
    from rich.progress import Progress

    from chiasm.client import Job, JobProgress

__all__ = ["wait_for"]

#: Work shorter than this shows no bar.
_QUIET_S = 2.0
_LINE_EVERY_S = 15.0


def wait_for(frame: Frame, job: Job) -> JobProgress:
    """The job's last progress; raises what `Job.wait` raises.

    Ctrl-C ends the waiting only: the job goes on, and `main` says how to see it.
    """
    frame.waiting_for = job.id
    watch = _Bar(frame) if sys.stderr.isatty() and not frame.as_json else _Lines(frame)
    try:
        job.wait(watch=watch)
    finally:
        watch.end()
    frame.waiting_for = None
    return job.progress


class _Bar:
    def __init__(self, frame: Frame) -> None:
        self._started = time.monotonic()
        self._bar: Progress | None = None
        self._task: Any = None

    def __call__(self, now: JobProgress) -> None:
        if self._bar is None:
            if time.monotonic() - self._started < _QUIET_S:
                return
            self._bar = _progress_bar()
            self._task = self._bar.add_task(now.kind, total=None, failed="", stage="", rate="", eta="")
            self._bar.start()
        self._bar.update(
            self._task,
            total=now.total or None,
            completed=now.done,
            stage=_doing(now),
            rate=f"{now.rate_per_s:,.1f}/s" if now.rate_per_s else "",
            eta=f"{_span(now.eta_s)} left" if now.eta_s is not None else "",
            failed=f"{now.failures} failed" if now.failures else "",
        )

    def end(self) -> None:
        if self._bar is not None:
            self._bar.stop()


class _Lines:
    def __init__(self, frame: Frame) -> None:
        self._frame = frame
        self._said_at = time.monotonic() + _QUIET_S - _LINE_EVERY_S
        self._stage: str | None = None

    def __call__(self, now: JobProgress) -> None:
        at = time.monotonic()
        changed = now.stage != self._stage and at - self._said_at > _QUIET_S
        if now.finished or not (changed or at - self._said_at >= _LINE_EVERY_S):
            return
        self._said_at, self._stage = at, now.stage
        failed = f", {now.failures} failed" if now.failures else ""
        eta = f", {_span(now.eta_s)} left" if now.eta_s is not None else ""
        self._frame.note(
            f"job {now.id} {now.kind}: {_doing(now)}, {now.done:,} of {now.total:,}{failed}{eta}"
        )

    def end(self) -> None:
        """Nothing to take down."""


def _doing(now: JobProgress) -> str:
    return now.state if now.state == "paused" else now.stage or now.state


def _progress_bar() -> Progress:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, SpinnerColumn, TaskProgressColumn, TextColumn

    return Progress(
        SpinnerColumn(),
        TextColumn("[bold]{task.description}[/bold] {task.fields[stage]}"),
        BarColumn(),
        TaskProgressColumn(),
        TextColumn("{task.completed:,.0f}"),
        TextColumn("[dim]{task.fields[rate]}[/dim]"),
        TextColumn("{task.fields[eta]}"),
        TextColumn("[red]{task.fields[failed]}[/red]"),
        console=Console(stderr=True),
        transient=True,
    )


def _span(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"
