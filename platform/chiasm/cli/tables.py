"""Tables and values as a terminal shows them."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.table import Table
    from rich.text import Text

__all__ = ["ago", "fields_table", "plain_table", "state_text", "value_text"]

_STATE_STYLES = {
    "done": "green",
    "active": "green",
    "running": "cyan",
    "building": "cyan",
    "candidate": "yellow",
    "queued": "dim",
    "retired": "dim",
    "paused": "yellow",
    "cancelled": "yellow",
    "failed": "red",
}


def plain_table(columns: Sequence[str], rows: Iterable[Sequence[Any]], *, right: Sequence[str] = ()) -> Table:
    """A table without frame lines; columns named in `right` are set flush right."""
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, header_style="bold")
    for name in columns:
        table.add_column(name, justify="right" if name in right else "left", overflow="fold")
    for row in rows:
        table.add_row(*(cell if hasattr(cell, "spans") else value_text(cell) for cell in row))
    return table


def fields_table(fields: Mapping[str, Any]) -> Table:
    """Names and values, one a line."""
    from rich.table import Table

    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column(style="dim")
    table.add_column(overflow="fold")
    for name, value in fields.items():
        table.add_row(name, value if hasattr(value, "spans") else value_text(value))
    return table


def state_text(state: str) -> Text:
    """A state in its colour."""
    from rich.text import Text

    return Text(state, style=_STATE_STYLES.get(state, ""))


def value_text(value: Any) -> Text:
    """A value; what came from data is never read as markup."""
    from rich.text import Text

    if value is None:
        return Text("-", style="dim")
    if isinstance(value, float):
        return Text(f"{value:.3f}".rstrip("0").rstrip("."))
    if isinstance(value, bool):
        return Text("yes" if value else "no")
    if isinstance(value, Mapping):
        return Text(", ".join(f"{name} {value_text(item).plain}" for name, item in value.items()))
    if isinstance(value, (list, tuple)):
        return Text(", ".join(value_text(item).plain for item in value))
    return Text(str(value))


def ago(moment: float | None) -> str | None:
    """How long ago a time (seconds since the epoch) was, or in how long it will be."""
    if moment is None:
        return None
    seconds = time.time() - moment
    for unit, length in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if abs(seconds) >= length:
            return (
                f"{seconds / length:.0f} {unit} ago" if seconds > 0 else f"in {-seconds / length:.0f} {unit}"
            )
    return f"{seconds:.0f} s ago" if seconds >= 0 else f"in {-seconds:.0f} s"
