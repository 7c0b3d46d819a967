"""`chiasm releases`."""

from __future__ import annotations

from typing import Annotated

import typer

from chiasm.cli.frame import frame_of, with_frame

__all__ = ["register"]

group = typer.Typer(no_args_is_help=True, help="Trained releases; one of them answers.")
ReleaseName = Annotated[str, typer.Argument(metavar="ID", help="As in r7.")]


def register(app: typer.Typer) -> None:
    """Add the group."""
    from chiasm.cli.commands import release_trials

    release_trials.register(group)
    app.add_typer(group, name="releases")


@group.command("list")
@with_frame
def list_releases(context: typer.Context) -> None:
    """Show all releases, newest first."""
    from chiasm.cli.tables import ago, plain_table, state_text

    frame = frame_of(context)
    rows = frame.knowledge_base().releases.list()
    if frame.as_json:
        frame.answer(rows)
        return
    cells = [
        (
            row["release"],
            state_text(row["state"]),
            row.get("recipe"),
            row.get("seed"),
            ago(row.get("created_at")),
        )
        for row in rows
    ]
    frame.out().print(plain_table(["release", "state", "recipe", "seed", "made"], cells))
    if not rows:
        frame.note("none yet: `chiasm train` makes the first; until then late fusion answers")


@group.command("show")
@with_frame
def show(context: typer.Context, release: ReleaseName) -> None:
    """Show one release: recipe, encoders, metrics, gate."""
    from chiasm.cli.tables import fields_table

    frame = frame_of(context)
    row = frame.knowledge_base().releases.show(release)
    if frame.as_json:
        frame.answer(row)
    else:
        frame.out().print(fields_table(row))


@group.command("diff")
@with_frame
def diff(context: typer.Context, first: ReleaseName, second: ReleaseName) -> None:
    """Show what differs between two releases."""
    from chiasm.cli.tables import fields_table

    frame = frame_of(context)
    found = frame.knowledge_base().releases.diff(first, second)
    if frame.as_json:
        frame.answer(found)
    else:
        frame.out().print(fields_table(found))


@group.command("promote")
@with_frame
def promote(
    context: typer.Context,
    release: ReleaseName,
    watch: Annotated[
        float,
        typer.Option(
            metavar="SECONDS", help="Roll back by itself if searches fail or take longer than before."
        ),
    ] = 0.0,
) -> None:
    """Let a release answer from now on."""
    frame = frame_of(context)
    row = frame.knowledge_base().releases.promote(release, watch_s=watch)
    if frame.as_json:
        frame.answer(row)
    else:
        frame.out().print(f"{row['release']} answers from now on")


@group.command("rollback")
@with_frame
def rollback(context: typer.Context) -> None:
    """Let the release before answer again."""
    frame = frame_of(context)
    row = frame.knowledge_base().releases.rollback()
    if frame.as_json:
        frame.answer(row)
    else:
        frame.out().print(f"{row['release']} answers again")
