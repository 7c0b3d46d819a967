"""`chiasm serve`, `worker`, `beat` and `up`: the processes of an installation."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import Annotated

import typer

from chiasm.cli.frame import Frame, frame_of, with_frame

__all__ = ["register"]

Host = Annotated[str, typer.Option(help="Address to listen at; others than loopback need API keys.")]
Port = Annotated[int, typer.Option(min=0, max=65_535)]
Processes = Annotated[int, typer.Option(min=1, max=256, help="How many processes answer on the one port.")]

Queues = Annotated[
    str,
    typer.Option(
        help="Lanes, separated by commas: ingest, train, or gpu, which trains with a process a GPU."
    ),
]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    for command in (serve, worker, beat, up):
        app.command(command.__name__)(with_frame(command))


def serve(
    context: typer.Context, host: Host = "127.0.0.1", port: Port = 8000, processes: Processes = 1
) -> None:
    """Answer over HTTP."""
    from chiasm.api.server import run_server

    frame = frame_of(context)
    run_server(frame.open_home().settings, host=host, port=port, processes=processes)


def worker(
    context: typer.Context,
    queues: Queues = "ingest,train",
    until_idle: Annotated[bool, typer.Option("--until-idle", help="End when nothing is left to do.")] = False,
) -> None:
    """Work on what was asked."""
    extra = ["--until-idle"] if until_idle else []
    _become(frame_of(context), ["worker", "--queues", queues, *extra])


def beat(context: typer.Context) -> None:
    """Fire schedules when they are due."""
    _become(frame_of(context), ["beat"])


def up(
    context: typer.Context,
    host: Host = "127.0.0.1",
    port: Port = 8000,
    processes: Processes = 1,
    queues: Queues = "ingest,train",
) -> None:
    """Run service, worker and beat in one process tree; what ends is started anew."""
    address = ["--host", host, "--port", str(port), "--processes", str(processes)]
    _become(frame_of(context), ["up", *address, "--queues", queues])


def _become(frame: Frame, arguments: Sequence[str]) -> None:
    """Turn this process into a worker: signals then reach it without a stranger in between."""
    from chiasm.jobs import settings_environment

    settings = frame.open_home().settings
    frame.close()
    sys.stdout.flush()
    sys.stderr.flush()
    # By name: the platform never imports the workers.
    os.execve(
        sys.executable, [sys.executable, "-m", "chiasm_workers", *arguments], settings_environment(settings)
    )
