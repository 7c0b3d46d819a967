"""`chiasm spaces`."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Annotated

import typer

from chiasm.cli.frame import Frame, frame_of, with_frame
from chiasm.errors import UsageError

__all__ = ["register"]

#: Work shorter than this says nothing.
_LINE_EVERY_S = 2.0
group = typer.Typer(no_args_is_help=True, help="Vector spaces, and what searches them.")


def register(app: typer.Typer) -> None:
    """Add the group."""
    app.add_typer(group, name="spaces")


@group.command("list")
@with_frame
def list_all(context: typer.Context) -> None:
    """Show all spaces: what they hold, where, and how large."""
    from chiasm.cli.tables import plain_table
    from chiasm.spaces.overview import overview

    frame = frame_of(context)
    home = frame.open_home()
    rows = overview(home.settings, home.catalog, home.catalog.workspace_id(home.settings.workspace))
    if frame.as_json:
        frame.answer(rows)
        return
    columns = ["space", "kind", "encoder", "rows", "back end", "segments", "indexes", "recall", "bytes"]
    cells = [
        (
            row["space"],
            row["kind"],
            row["encoder"],
            row["rows"],
            row["backend"] + (f" ({row['on_milvus']} copied)" if row["backend"] == "milvus" else ""),
            row["segments"],
            ", ".join(row["indexes"]) or None,
            row["recall_target"],
            row["bytes"],
        )
        for row in rows
    ]
    frame.out().print(plain_table(columns, cells, right=["space", "rows", "segments", "recall", "bytes"]))


@group.command("move")
@with_frame
def move_all(
    context: typer.Context,
    to: Annotated[str, typer.Option("--to", metavar="URL", help="faiss: or milvus+http://host:19530.")],
    keep: Annotated[bool, typer.Option("--keep", help="Leave the copy at the old Milvus.")] = False,
) -> None:
    """Let another back end search the large segments; it is complete before it is asked."""
    from chiasm.spaces.moving import move
    from chiasm.spaces_url import SpacesUrl

    frame = frame_of(context)
    try:
        url = SpacesUrl.parse(to)
    except ValueError as error:
        raise UsageError(str(error), where="--to") from error
    home = frame.open_home()
    moved = move(home.settings, home.catalog, url, keep=keep, beat=_progress(frame))
    if frame.as_json:
        frame.answer(moved._asdict())
    else:
        frame.out().print(f"spaces are searched by {moved.to}; {moved.copied} segments copied")
    if moved.dropped is None:
        frame.note("the old Milvus does not answer: its collections were left there")
    if "CHIASM_SPACES_URL" in os.environ:
        frame.note(f"CHIASM_SPACES_URL wins over chiasm.toml: set it to {moved.to}")
    frame.note("restart `chiasm serve` and the workers: they keep to what they began with")


def _progress(frame: Frame) -> Callable[[int, int], None]:
    """Says now and then how far the copy is."""
    from time import monotonic

    said_at = monotonic()

    def beat(done: int, total: int) -> None:
        nonlocal said_at
        if monotonic() - said_at >= _LINE_EVERY_S:
            said_at = monotonic()
            frame.note(f"{done:,} of {total:,} vectors copied")

    return beat
