"""`chiasm init`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from chiasm.cli.frame import frame_of, with_frame

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("init")(with_frame(init))


def init(
    context: typer.Context,
    home: Annotated[Path | None, typer.Argument(help="Folder to make; default ./chiasm-home.")] = None,
) -> None:
    """Make a home: its folder, chiasm.toml and the catalog's schema. Doing it twice does no harm."""
    frame = frame_of(context)
    frame.home = home or frame.home
    from chiasm.client.embedded import init_home

    settings = frame.settings()
    fresh = init_home(settings)
    if frame.as_json:
        frame.answer({"home": str(settings.home), "made": fresh})
        return
    said = "made the home" if fresh else "the home was ready already:"
    frame.out().print(f"{said} [bold]{settings.home}[/bold]")
    frame.note(f"next: chiasm --home {settings.home} ingest FILE")
