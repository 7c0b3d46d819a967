"""`chiasm ingest`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from chiasm.cli.frame import Frame, frame_of, with_frame

__all__ = ["register"]

_SHOWN_FAILURES = 5


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("ingest")(with_frame(ingest))


def ingest(
    context: typer.Context,
    paths: Annotated[
        list[Path] | None, typer.Argument(help="Manifests, triples files or folders of media.")
    ] = None,
    domain: Annotated[str | None, typer.Option(help="Domain of lines that name none.")] = None,
    triples: Annotated[list[Path] | None, typer.Option(help="A file to read as triples.")] = None,
    replace: Annotated[
        bool,
        typer.Option("--replace/--update", help="Clear what a known key's line does not name, or keep it."),
    ] = False,
    wait: Annotated[bool, typer.Option("--wait/--no-wait", help="Wait until all is searchable.")] = True,
    watch: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="Follow a folder until Ctrl-C: what is new in it.")
    ] = None,
    every: Annotated[float, typer.Option(min=0.05, help="Seconds between two looks at it.")] = 2.0,
) -> None:
    """Take in manifests, triples and media. The same file twice does no work."""
    from chiasm.cli.waiting import wait_for
    from chiasm.errors import UsageError

    frame = frame_of(context)
    mode = "replace" if replace else "update"
    if watch is not None:
        from chiasm.cli.watching import follow_folder

        if paths or triples:
            raise UsageError(
                "--watch goes without paths", where="chiasm ingest", remedy="name the folder alone"
            )
        follow_folder(frame, watch, domain=domain, mode=mode, every_s=every)
        return
    if not paths and not triples:
        raise UsageError(
            "nothing to ingest", where="chiasm ingest", remedy="name a manifest, a folder or --triples FILE"
        )
    job = frame.knowledge_base().ingest(
        list(paths or ()), domain=domain, triples=list(triples or ()), mode=mode
    )
    if not wait:
        submitted(frame, job.id)
        return
    now = wait_for(frame, job)
    if frame.as_json:
        frame.answer({"job": job.id, "state": now.state, "result": now.result, "failures": now.failures})
        return
    _show(frame, job.id, dict(now.result), now.elapsed_s)
    failures = job.failures[:_SHOWN_FAILURES] if now.failures else []
    for failure in failures:
        frame.note(f"failed: {failure}")
    if now.failures > len(failures):
        frame.note(f"{now.failures - len(failures)} more failed; see `chiasm jobs failures {job.id}`")


def submitted(frame: Frame, job_id: int) -> None:
    """Say that a job was handed in and is not waited for."""
    if frame.as_json:
        frame.answer({"job": job_id})
    else:
        frame.out().print(f"job {job_id}")
        frame.note(f"see `chiasm jobs show {job_id}`")


def _show(frame: Frame, job_id: int, result: dict[str, object], elapsed_s: float) -> None:
    from chiasm.cli.tables import value_text

    counts = ", ".join(
        f"{value_text(value).plain} {name.replace('_', ' ')}"
        for name, value in result.items()
        if isinstance(value, int) and value
    )
    frame.out().print(f"job {job_id} done in {elapsed_s:.1f} s: {counts or 'nothing new'}")
