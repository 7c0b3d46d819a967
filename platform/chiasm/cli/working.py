"""Work of this process as people follow it: a bar on a terminal, a line now and then elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

    from chiasm.archive import Step, Watch
    from chiasm.cli.frame import Frame

__all__ = ["shown"]

#: Work shorter than this shows nothing.
_QUIET_S = 2.0
_LINE_EVERY_S = 15.0


@contextmanager
def shown(frame: Frame, title: str) -> Iterator[Watch]:
    """What to tell the steps to; stderr shows them, but not with `--json`."""
    if frame.as_json:
        yield lambda step: None
    elif sys.stderr.isatty():
        bar = _Bar(title)
        try:
            yield bar
        finally:
            bar.end()
    else:
        yield _Lines(frame, title)


class _Bar:
    def __init__(self, title: str) -> None:
        self._title = title
        self._began = time.monotonic()
        self._bar: Progress | None = None
        self._task: TaskID | None = None

    def __call__(self, step: Step) -> None:
        if self._bar is None or self._task is None:
            if time.monotonic() - self._began < _QUIET_S:
                return
            self._bar = _progress_bar()
            self._task = self._bar.add_task(self._title, total=None, stage="")
            self._bar.start()
        self._bar.update(self._task, total=step.total or None, completed=step.done, stage=step.stage)

    def end(self) -> None:
        if self._bar is not None:
            self._bar.stop()


class _Lines:
    def __init__(self, frame: Frame, title: str) -> None:
        self._frame = frame
        self._title = title
        self._said_at = time.monotonic() + _QUIET_S - _LINE_EVERY_S

    def __call__(self, step: Step) -> None:
        if time.monotonic() - self._said_at >= _LINE_EVERY_S:
            self._said_at = time.monotonic()
            of = f" of {step.total:,}" if step.total else ""
            self._frame.note(f"{self._title}: {step.stage}, {step.done:,}{of}")


def _progress_bar() -> Progress:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeRemainingColumn

    return Progress(
        SpinnerColumn(),
        TextColumn("[bold]{task.description}[/bold] {task.fields[stage]}"),
        BarColumn(),
        TextColumn("{task.completed:,.0f}"),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        transient=True,
    )
