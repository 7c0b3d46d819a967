"""`chiasm schedule`."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from chiasm.cli.frame import Frame, frame_of, with_frame

__all__ = ["register"]

group = typer.Typer(no_args_is_help=True, help="Jobs by the clock, or when enough is new, other or worse.")
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
    when_drift: Annotated[
        float | None, typer.Option(help="How far new vectors are from those of before, 0 to 1, as in 0.1.")
    ] = None,
    when_metric: Annotated[
        str | None,
        typer.Option(metavar="NAME<X", help="A figure of the release in use: accept_rate, hit@10, mrr."),
    ] = None,
    if_running: Annotated[
        str, typer.Option(metavar="POLICY", help="While its last job runs: skip, queue or replace.")
    ] = "skip",
    if_missed: Annotated[
        str, typer.Option(metavar="POLICY", help="Of runs that nobody looked for in time: once, all or skip.")
    ] = "once",
    job: Annotated[str, typer.Option(help="train or evaluate.")] = "train",
    recipe: Annotated[str | None, typer.Option(help="Recipe of a train job.")] = None,
    changes: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Change a key of the recipe.")
    ] = None,
    seed: Annotated[int | None, typer.Option(help="Seed of a train job.")] = None,
) -> None:
    """Ask for a job by the clock, by conditions of which one is enough, or by the clock if one of them holds then.

    `chiasm beat` or `chiasm up` fires it.
    """
    from chiasm.cli.commands.train import assignments

    frame = frame_of(context)
    params: dict[str, Any] = {"recipe": recipe, "overrides": assignments(changes or ()) or None, "seed": seed}
    given = {key: value for key, value in params.items() if value is not None}
    row = frame.knowledge_base().schedules.add(
        name,
        cron=cron,
        timezone=timezone,
        when_new=when_new,
        when_drift=when_drift,
        when_metric=when_metric,
        if_running=if_running,
        if_missed=if_missed,
        job=job,
        **given,
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


@group.command("history")
@with_frame
def history(
    context: typer.Context,
    name: ScheduleName,
    limit: Annotated[int, typer.Option("-n", "--limit", min=1, max=1000, help="So many.")] = 20,
) -> None:
    """Show what came of a schedule's runs, newest first."""
    frame = frame_of(context)
    rows = frame.knowledge_base().schedules.history(name, limit=limit)
    if frame.as_json:
        frame.answer(rows)
        return
    from chiasm.cli.tables import ago, plain_table, state_text

    cells = [
        (
            ago(row["due_at"]),
            ago(row["at"]),
            state_text(row["outcome"]),
            row["job"],
            row["release"],
            row["error"] or row["note"] or _measured(row["cause"]),
        )
        for row in rows
    ]
    frame.out().print(plain_table(["due", "at", "outcome", "job", "release", "why"], cells))


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
            _when(row),
            row["job"],
            row["params"] or None,
            ago(row["next_run_at"]),
            ago(row["last_run_at"]),
        )
        for row in rows
    ]
    frame.out().print(plain_table(["name", "state", "when", "job", "with", "next", "last"], cells))


def _when(row: dict[str, Any]) -> str:
    conditions = []
    if row["when_new"] is not None:
        conditions.append(f"{row['when_new']:.0%} is new")
    if row["when_drift"] is not None:
        conditions.append(f"drift is {row['when_drift']:g}")
    if row["when_metric"] is not None:
        conditions.append(row["when_metric"])
    clock = f"{row['cron']} {row['timezone']}" if row["cron"] else ""
    condition = f"{'if' if clock else 'when'} {' or '.join(conditions)}" if conditions else ""
    return " ".join(part for part in (clock, condition) if part)


def _measured(cause: dict[str, Any]) -> str | None:
    said = (
        f"{name.removeprefix('when_')} {one['value']} against {one['bound']}" for name, one in cause.items()
    )
    return ", ".join(said) or None
