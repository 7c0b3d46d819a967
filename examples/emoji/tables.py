"""The demo's tables on the terminal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from examples.emoji.report.data import BASELINES, Example, Figure, Gain, HitView, Judged, QueryPart
from rich.console import Console
from rich.padding import Padding
from rich.table import Table

__all__ = ["show_examples", "show_gains", "show_judged"]

#: Narrow enough for a terminal of 80 columns.
_COLUMNS: tuple[tuple[str, Literal["left", "right"]], ...] = (
    ("asked with", "left"),
    ("by", "left"),
    ("fused", "right"),
    ("against", "left"),
    ("it has", "right"),
    ("gain, 95 %", "right"),
)


def show_gains(console: Console, figures: Sequence[Figure]) -> None:
    """What fusion gained over each baseline, in percentage points with the paired interval."""
    if not figures:
        return
    table = Table(title="What fusion gained on held-out queries, in percentage points", title_justify="left")
    table.box, table.pad_edge, table.padding = None, False, (0, 1, 0, 0)
    for heading, justify in _COLUMNS:
        table.add_column(heading, justify=justify, no_wrap=True)
    for figure in figures:
        asked = f"{figure.query} ({figure.queries})"
        for gain in figure.gains:
            table.add_row(asked, gain.metric, f"[bold]{gain.fused:.3f}[/bold]", *_gain(gain))
            asked = ""
    console.print("\n", table, sep="")


def _gain(gain: Gain) -> tuple[str, str, str]:
    colour, interval = "default", ""
    if gain.low is not None and gain.high is not None:
        colour = "green" if gain.low > 0 else "red" if gain.high < 0 else "default"
        # Escaped, or the bracket would be read as markup.
        interval = rf" \[{100 * gain.low:+.1f}, {100 * gain.high:+.1f}]"
    name = f"best single, {gain.space}" if gain.space else BASELINES.get(gain.baseline, gain.baseline)
    return name, f"{gain.reached:.3f}", f"[{colour}]{100 * gain.mean:+.1f}[/{colour}]{interval}"


def show_examples(console: Console, examples: Sequence[Example]) -> None:
    """The example queries with their first five answers."""
    console.print()
    for example in examples:
        asked = " ".join(map(_part, example.parts))
        answers = ", ".join(map(_answer, example.hits[:5])) or "no hits"
        console.print(f"   [bold]{example.title}[/bold]: {asked}", highlight=False)
        # Padded, not spaced: what does not fit one line keeps its place on the next.
        console.print(Padding(answers, (0, 0, 0, 6)), highlight=False)


def _part(part: QueryPart) -> str:
    shown = part.value if part.kind == "text" else part.label or part.value
    return f"not {shown}" if part.negative else shown


def _answer(hit: HitView) -> str:
    return hit.title + (" [green](right)[/green]" if hit.expected else "")


def show_judged(console: Console, judged: Sequence[Judged]) -> None:
    """What the kept-aside queries found."""
    console.print()
    for one in judged:
        figures = f"hit@1 {one.hit1:.3f}, hit@10 [bold]{one.hit10:.3f}[/bold] ({one.queries} queries)"
        console.print(f"   {one.title}: {figures}", highlight=False, soft_wrap=True)
