"""The demo's tables on the terminal."""

from __future__ import annotations

from collections.abc import Sequence

from examples.emoji.report.data import BASELINES, Example, Figure, Gain, HitView, Judged, QueryPart
from rich.console import Console
from rich.table import Table

__all__ = ["show_examples", "show_gains", "show_judged"]


def show_gains(console: Console, figures: Sequence[Figure]) -> None:
    """What fusion gained over each baseline, in percentage points with the paired interval."""
    if not figures:
        return
    table = Table(title="What fusion gained on held-out queries", title_justify="left", box=None)
    for heading in ("asked with", "queries", "by", "fused", "against", "baseline", "gain, points", "95 %"):
        table.add_column(heading, justify="left" if heading in ("asked with", "by", "against") else "right")
    for figure in figures:
        for gain in figure.gains:
            fused = f"[bold]{gain.fused:.3f}[/bold]"
            table.add_row(figure.query, str(figure.queries), gain.metric, fused, *_gain(gain))
    console.print("\n", table, sep="")


def _gain(gain: Gain) -> tuple[str, ...]:
    colour, interval = "default", ""
    if gain.low is not None and gain.high is not None:
        colour = "green" if gain.low > 0 else "red" if gain.high < 0 else "default"
        interval = f"{100 * gain.low:+.1f} to {100 * gain.high:+.1f}"
    name = f"{BASELINES.get(gain.baseline, gain.baseline)} {f'({gain.space})' if gain.space else ''}".strip()
    return name, f"{gain.reached:.3f}", f"[{colour}]{100 * gain.mean:+.1f}[/{colour}]", interval


def show_examples(console: Console, examples: Sequence[Example]) -> None:
    """The example queries with their first five answers."""
    console.print()
    for example in examples:
        asked = " ".join(map(_part, example.parts))
        answers = ", ".join(map(_answer, example.hits[:5])) or "no hits"
        console.print(f"   [bold]{example.title}[/bold]: {asked}\n      {answers}", highlight=False)


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
