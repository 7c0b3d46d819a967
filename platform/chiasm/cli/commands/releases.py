"""`chiasm releases`."""

from __future__ import annotations

from pathlib import Path
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
def show(
    context: typer.Context,
    release: Annotated[
        str | None, typer.Argument(metavar="ID", help="As in r7; default: the one that answers.")
    ] = None,
) -> None:
    """Show one release: recipe, spaces, gate, how far it is; with --json also metrics and history."""
    from chiasm.cli.tables import fields_table

    frame = frame_of(context)
    row = frame.knowledge_base().releases.show(release)
    if frame.as_json:
        frame.answer(row)
    else:
        short = {name: value for name, value in row.items() if name not in ("metrics", "gate", "history")}
        short["gate"] = "; ".join(row["gate"].get("reasons", [])) or None
        frame.out().print(fields_table(short))
        frame.note(f"its figures: `chiasm releases card {row['release']}`; all that is kept: --json")


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


@group.command("export")
@with_frame
def export(
    context: typer.Context,
    release: ReleaseName,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Where to, as in r7.chiasm.")],
) -> None:
    """Write a release as one file, signed with the key that homes share (CHIASM_BUNDLE_KEY)."""
    frame = frame_of(context)
    done = frame.knowledge_base().releases.export(file, release)
    if frame.as_json:
        frame.answer(done)
    else:
        frame.out().print(f"{done['release']}: {done['files']} files, {done['bytes']} bytes")


@group.command("import")
@with_frame
def import_(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="What `releases export` wrote.")],
    at_once: Annotated[
        bool,
        typer.Option("--at-once", help="Vectors of the active release stand in until this one answers."),
    ] = False,
    wait: Annotated[bool, typer.Option("--wait/--no-wait", help="Wait until its spaces are built.")] = True,
) -> None:
    """Take a release from a file and build its spaces of this catalogue; `releases promote` lets it answer."""
    from chiasm.cli.commands.ingest import submitted
    from chiasm.cli.waiting import wait_for

    frame = frame_of(context)
    job = frame.knowledge_base().releases.load(file, at_once=at_once)
    if not wait:
        submitted(frame, job.id)
        return
    now = wait_for(frame, job)
    if frame.as_json:
        frame.answer({"job": job.id, **now.result})
    else:
        frame.out().print(f"{now.result['release']} is a {now.result['state']}")
