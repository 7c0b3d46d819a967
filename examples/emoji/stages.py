"""What the demo prints while it runs: numbered steps, the command behind each, bars, times."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from examples.emoji.report.data import Step
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

__all__ = ["Stage", "Stages"]


@dataclass
class Stage:
    """The step that is going on; its outcome is told at the end."""

    bars: Progress
    outcome: str = ""
    _rows: dict[str, Any] = field(default_factory=dict)

    def report(self, name: str, done: int, total: int) -> None:
        """Moves the bar of one part of the step."""
        if name not in self._rows:
            if not self.bars.console.is_terminal:
                # A log gets a line for each part instead of bars.
                self.bars.console.print(f"   {name} ...", highlight=False)
            self._rows[name] = self.bars.add_task(name, total=total or None)
        self.bars.update(self._rows[name], completed=done, total=total or None)

    def watch(self, now: Any) -> None:
        """Follows a job: pass it to `Job.wait(watch=...)`."""
        self.report(now.stage or now.kind, now.done, now.total)


class Stages:
    """Runs steps one after the other and remembers how each went."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self.done: list[Step] = []

    @contextmanager
    def step(self, title: str, command: str = "") -> Iterator[Stage]:
        """One step: heading and command first, bars while it runs, outcome and time at the end."""
        number = len(self.done) + 1
        self.console.print(f"\n[bold]{number}  {title}[/bold]")
        if command:
            self.console.print(f"   [dim]$ {command}[/dim]", highlight=False, soft_wrap=True)
        started = time.perf_counter()
        with _bars(self.console) as bars:
            stage = Stage(bars)
            yield stage
        seconds = time.perf_counter() - started
        self.done.append(Step(title, stage.outcome, seconds))
        self.console.print(
            f"   [green]done[/green] in {seconds:.1f} s   {stage.outcome}", highlight=False, soft_wrap=True
        )

    def note(self, text: str, style: str = "yellow") -> None:
        """A line between steps."""
        self.console.print(f"   [{style}]{text}[/{style}]", highlight=False, soft_wrap=True)

    def missing(self, packages: Mapping[str, str]) -> None:
        """Says what is left out for want of packages, and how to have it."""
        for package, loss in packages.items():
            self.note(f"without {package} there are no {loss}; to have them: sudo apt-get install {package}")


def _bars(console: Console) -> Progress:
    return Progress(
        TextColumn("   {task.description:<24}"),
        BarColumn(bar_width=36),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    )
