"""`chiasm schedule`."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from chiasm.cli.frame import Frame, frame_of, with_frame

__all__ = ["register"]

group = typer.Typer(no_args_is_help=True, help="Jobs by the clock or when enough is new.")
ScheduleName = Annotated[str, typer.Argument(metavar="NAME")]


def register(app: typer.Typer) -> None:
    """Add the group."""
    app.add_typer(group, name="schedule")


@group.command("add")
@with_frame
def add(
    context: typer.Context,
    name: ScheduleName,
    cron: Annotated[str | None, typer.Option(help='Five fields, as in "0 3 * * *".')] = None,
    timezone: Annotated[str, typer.Option(metavar="ZONE", help="Whose clock, as in Europe/Berlin.")] = "UTC",
    when_new: Annotated[
        float | None, typer.Option(help="Share of entities new since the last release, as in 0.05.")
    ] = None,
    job: Annotated[str, typer.Option(help="train or evaluate.")] = "train",
    recipe: Annotated[str | None, typer.Option(help="Recipe of a train job.")] = None,
    changes: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Change a key of the recipe.")
    ] = None,
    seed: Annotated[int | None, typer.Option(help="Seed of a train job.")] = None,
) -> None:
    """Ask for a job by the clock, or when enough is new; `chiasm beat` or `chiasm up` fires it."""
    from chiasm.cli.commands.train import assignments

    frame = frame_of(context)
    params: dict[str, Any] = {"recipe": recipe, "overrides": assignments(changes or ()) or None, "seed": seed}
    given = {key: value for key, value in params.items() if value is not None}
    row = frame.knowledge_base().schedule(
        name, cron=cron, timezone=timezone, when_new=when_new, job=job, **given
    )
    _show(frame, [row])


@group.command("list")
@with_frame
def list_all(context: typer.Context) -> None:
    """Show all schedules with their next and last run."""
    frame = frame_of(context)
    rows = frame.knowledge_base().schedules.list()
    if frame.as_json:
        frame.answer(rows)
    else:
        _show(frame, rows)


@group.command("pause")
@with_frame
def pause(context: typer.Context, name: ScheduleName) -> None:
    """Fire no more until resumed."""
    frame = frame_of(context)
    _show(frame, [frame.knowledge_base().schedules.pause(name)])


@group.command("resume")
@with_frame
def resume(context: typer.Context, name: ScheduleName) -> None:
    """Fire again from the next due time."""
    frame = frame_of(context)
    _show(frame, [frame.knowledge_base().schedules.resume(name)])


@group.command("remove")
@with_frame
def remove(context: typer.Context, name: ScheduleName) -> None:
    """Forget a schedule; its past jobs stay."""
    frame = frame_of(context)
    row = frame.knowledge_base().schedules.remove(name)
    if frame.as_json:
        frame.answer(row)
    else:
        frame.out().print(f"{name} is removed")


@group.command("run")
@with_frame
def run(context: typer.Context, name: ScheduleName) -> None:
    """Ask for the schedule's job now."""
    from chiasm.cli.commands.ingest import submitted

    frame = frame_of(context)
    submitted(frame, frame.knowledge_base().schedules.run(name).id)


def _show(frame: Frame, rows: list[dict[str, Any]]) -> None:
    if frame.as_json:
        frame.answer(rows[0])
        return
    from chiasm.cli.tables import ago, plain_table, state_text

    cells = [
        (
            row["name"],
            state_text("paused" if row["paused"] else "active"),
            f"{row['cron']} {row['timezone']}" if row["cron"] else f"when {row['when_new']:.0%} is new",
            row["job"],
            row["params"] or None,
            ago(row["next_run_at"]),
            ago(row["last_run_at"]),
        )
        for row in rows
    ]
    frame.out().print(plain_table(["name", "state", "when", "job", "with", "next", "last"], cells))
