"""`chiasm jobs`."""

from __future__ import annotations

from typing import Annotated, Literal

import typer

from chiasm.cli.frame import frame_of, with_frame

__all__ = ["register"]

group = typer.Typer(no_args_is_help=True, help="What was asked, and how far it is.")
JobId = Annotated[int, typer.Argument(metavar="ID", help="Number of the job.")]


def register(app: typer.Typer) -> None:
    """Add the group."""
    app.add_typer(group, name="jobs")


@group.command("list")
@with_frame
def list_jobs(
    context: typer.Context,
    state: Annotated[
        str | None, typer.Option(help="queued, running, paused, done, failed or cancelled.")
    ] = None,
    limit: Annotated[int, typer.Option("-n", "--limit", min=1)] = 20,
) -> None:
    """Show the newest jobs."""
    from chiasm.cli.tables import ago, plain_table, state_text

    frame = frame_of(context)
    rows = frame.knowledge_base().jobs.list(limit=limit, state=state)
    if frame.as_json:
        frame.answer([vars(row) for row in rows])
        return
    columns = ["id", "kind", "state", "stage", "done", "of", "failed", "asked"]
    cells = [
        (
            row.id,
            row.kind,
            state_text(row.state),
            row.stage,
            row.done,
            row.total,
            row.failures,
            ago(row.created_at),
        )
        for row in rows
    ]
    frame.out().print(plain_table(columns, cells, right=["id", "done", "of", "failed"]))


@group.command("show")
@with_frame
def show(
    context: typer.Context,
    job_id: JobId,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Show it live until it has ended.")] = False,
) -> None:
    """Show one job with its progress and result."""
    from chiasm.cli.tables import ago, fields_table, state_text

    frame = frame_of(context)
    job = frame.knowledge_base().job(job_id)
    if follow:
        from chiasm.cli.waiting import wait_for

        wait_for(frame, job)
    now = job.progress
    if frame.as_json:
        frame.answer(vars(now))
        return
    share = f"{now.done:,} of {now.total:,}" + (f" ({now.ratio:.0%})" if now.ratio is not None else "")
    fields = {
        "job": now.id,
        "kind": now.kind,
        "state": state_text(now.state),
        "stage": now.stage,
        "progress": share,
        "rate": f"{now.rate_per_s:,.1f}/s" if now.rate_per_s else None,
        "left": f"{now.eta_s:.0f} s" if now.eta_s is not None else None,
        "failed": now.failures or None,
        "asked": ago(now.created_at),
        "took": f"{now.elapsed_s:.1f} s",
        "error": now.error,
        **{f"result: {name}": value for name, value in now.result.items()},
    }
    frame.out().print(fields_table({name: value for name, value in fields.items() if value is not None}))


@group.command("failures")
@with_frame
def failures(context: typer.Context, job_id: JobId) -> None:
    """Show what failed alone in a job: where, what, and what to do."""
    from chiasm.cli.tables import plain_table

    frame = frame_of(context)
    rows = frame.knowledge_base().job(job_id).failures
    if frame.as_json:
        frame.answer([vars(row) for row in rows])
        return
    cells = [
        (row.where or row.error.get("where"), row.key, row.error.get("what"), row.error.get("remedy"))
        for row in rows
    ]
    frame.out().print(plain_table(["where", "key", "what", "do"], cells))
    if rows:
        frame.note(f"repair what is named there, then `chiasm jobs retry {job_id}`")


@group.command("retry")
@with_frame
def retry(
    context: typer.Context,
    job_id: JobId,
    wait: Annotated[bool, typer.Option("--wait/--no-wait", help="Wait until it is done.")] = True,
) -> None:
    """Hand in again what failed, or what a cancel dropped."""
    from chiasm.cli.waiting import wait_for

    frame = frame_of(context)
    job = frame.knowledge_base().job(job_id)
    count = job.retry()
    if count and wait:
        wait_for(frame, job)
    if frame.as_json:
        frame.answer({"job": job_id, "handed_in": count, "state": job.progress.state})
    else:
        frame.out().print(f"{count} handed in again; job {job_id} is {job.progress.state}")


@group.command("cancel")
@with_frame
def cancel(context: typer.Context, job_id: JobId) -> None:
    """Ask a job to stop; workers do at their next heartbeat."""
    frame = frame_of(context)
    state = frame.knowledge_base().job(job_id).cancel().progress.state
    if frame.as_json:
        frame.answer({"job": job_id, "state": state})
    else:
        frame.out().print(f"job {job_id} is {'stopping' if state == 'running' else state}")


@group.command("pause")
@with_frame
def pause(context: typer.Context, job_id: JobId) -> None:
    """Have a job wait: what runs is finished, nothing more is begun."""
    _say_state(context, job_id, "pause")


@group.command("resume")
@with_frame
def resume(context: typer.Context, job_id: JobId) -> None:
    """Let a paused job go on."""
    _say_state(context, job_id, "resume")


def _say_state(context: typer.Context, job_id: int, action: Literal["pause", "resume"]) -> None:
    frame = frame_of(context)
    job = frame.knowledge_base().job(job_id)
    state = (job.pause() if action == "pause" else job.resume()).progress.state
    if frame.as_json:
        frame.answer({"job": job_id, "state": state})
    else:
        frame.out().print(f"job {job_id} is {state}")
