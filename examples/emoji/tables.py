"""The demo's tables on the terminal."""

from __future__ import annotations

from collections.abc import Sequence

from examples.emoji.report.data import BASELINES, Example, Figure, HitView, Judged, QueryPart
from rich.console import Console
from rich.table import Table

__all__ = ["show_examples", "show_gains", "show_judged"]


def show_gains(console: Console, figures: Sequence[Figure]) -> None:
    """What fusion gained over each baseline, in points of hit@10 with the paired interval."""
    if not figures:
        return
    table = Table(title="hit@10 on held-out data, and what fusion gained", title_justify="left", box=None)
    for heading in ("asked with", "known by"):
        table.add_column(heading)
    for heading in ("queries", "fused", *BASELINES.values()):
        table.add_column(heading, justify="right")
    for figure in figures:
        row = [figure.query, figure.target, str(figure.queries), f"[bold]{figure.hit10:.3f}[/bold]"]
        table.add_row(*row, *(_gain(figure, name) for name in BASELINES))
    console.print("\n", table, sep="")


def _gain(figure: Figure, name: str) -> str:
    if name not in figure.gains:
        return ""
    gain, low, high = figure.gains[name]
    # Escaped, or the bracket would be read as markup.
    interval = rf" \[{100 * low:+.1f}, {100 * high:+.1f}]" if low is not None and high is not None else ""
    colour = "green" if (low or 0.0) > 0 else "red" if high is not None and high < 0 else "default"
    return f"{figure.baselines[name]:.3f}  [{colour}]{100 * gain:+.1f}[/{colour}]{interval}"


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
