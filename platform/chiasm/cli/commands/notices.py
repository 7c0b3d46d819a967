"""`chiasm notices`."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from chiasm.cli.frame import frame_of, with_frame

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("notices")(with_frame(notices))


def notices(
    context: typer.Context,
    limit: Annotated[int, typer.Option("-n", "--limit", min=1, max=1000, help="So many.")] = 20,
) -> None:
    """Show outcomes, newest first, and whether webhook and mail took them; the settings say whom to tell."""
    frame = frame_of(context)
    rows = frame.knowledge_base().notices(limit=limit)
    if frame.as_json:
        frame.answer(rows)
        return
    from chiasm.cli.tables import ago, plain_table

    cells = [(row["id"], row["event"], ago(row["at"]), row["body"], _told(row) or None) for row in rows]
    frame.out().print(plain_table(["id", "event", "when", "of", "told"], cells))


def _told(row: dict[str, Any]) -> str:
    return ", ".join(
        f"{one['channel']} {one['state']}" + (f" ({one['error']})" if one["error"] else "")
        for one in row["deliveries"]
    )
