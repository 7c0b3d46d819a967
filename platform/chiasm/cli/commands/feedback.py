"""`chiasm feedback`."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from chiasm.cli.frame import Frame, frame_of, with_frame

__all__ = ["register"]

group = typer.Typer(no_args_is_help=True, help="Say which hits were right; list what was said.")
Words = Annotated[str, typer.Argument(metavar="QUERY", help="The words that were searched for.")]
Keys = Annotated[list[str], typer.Argument(metavar="KEY...", help="Hits.")]
Answered = Annotated[
    str | None, typer.Option(metavar="ID", help="Release that answered; default the present one.")
]


def register(app: typer.Typer) -> None:
    """Add the group."""
    app.add_typer(group, name="feedback")


@group.command("accept")
@with_frame
def accept(context: typer.Context, query: Words, keys: Keys, release: Answered = None) -> None:
    """Say that hits of a query were right."""
    frame = frame_of(context)
    _told(frame, frame.knowledge_base().feedback.accept(query, *keys, release=release))


@group.command("reject")
@with_frame
def reject(context: typer.Context, query: Words, keys: Keys, release: Answered = None) -> None:
    """Say that hits of a query were wrong."""
    frame = frame_of(context)
    _told(frame, frame.knowledge_base().feedback.reject(query, *keys, release=release))


@group.command("list")
@with_frame
def list_all(
    context: typer.Context,
    verdict: Annotated[str | None, typer.Option(help="accepted or rejected.")] = None,
    release: Annotated[str | None, typer.Option(metavar="ID", help="Of its answers only.")] = None,
) -> None:
    """Show what was said, in order."""
    from chiasm.cli.tables import ago, plain_table, state_text

    frame = frame_of(context)
    rows = list(frame.knowledge_base().feedback.list(verdict=verdict, release=release))
    if frame.as_json:
        frame.answer(rows)
        return
    cells = [
        (state_text(row["verdict"]), row["key"], row["query"], row["release"], ago(row["at"])) for row in rows
    ]
    frame.out().print(plain_table(["verdict", "key", "query", "release", "when"], cells))


def _told(frame: Frame, done: dict[str, Any]) -> None:
    if frame.as_json:
        frame.answer(done)
        return
    of = f" on {done['release']}" if done["release"] else ""
    frame.out().print(f"{done['stored']} kept, {done['changed']} changed{of}")
