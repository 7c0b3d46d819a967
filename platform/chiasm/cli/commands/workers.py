"""`chiasm workers`."""

from __future__ import annotations

from typing import Any

import typer

from chiasm.cli.frame import frame_of, with_frame

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("workers")(with_frame(workers))


def workers(context: typer.Context) -> None:
    """Show the workers that live: where, on what, and the unit that each lane is at."""
    frame = frame_of(context)
    rows = frame.knowledge_base().workers()
    if frame.as_json:
        frame.answer(rows)
        return
    from chiasm.cli.tables import ago, plain_table

    cells = [
        (row["host"], lane["pid"], lane["queue"], row["device"], _doing(lane["unit"]), ago(row["seen_at"]))
        for row in rows
        for lane in row["lanes"]
    ]
    frame.out().print(plain_table(["host", "pid", "queue", "device", "at", "seen"], cells))
    if not rows:
        frame.note("none; a home without servers starts its own when there is work")


def _doing(unit: dict[str, Any] | None) -> str | None:
    if unit is None:
        return None
    stage = f", {unit['stage']}" if unit["stage"] else ""
    return f"{unit['kind']}{stage}: {unit['done']} of {unit['total']}" + (
        f" (job {unit['job']})" if unit["job"] else ""
    )
