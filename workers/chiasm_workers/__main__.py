"""`python -m chiasm_workers worker|beat|up|runner`."""

from __future__ import annotations

import argparse
import gc
import logging
import os
import signal
import sys
from collections.abc import Sequence
from types import FrameType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from chiasm.settings import Settings

__all__ = ["main"]

_QUEUES = "ingest,train"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one of the worker processes; exit status."""
    options = _parser().parse_args(arguments)
    if options.home:
        os.environ["CHIASM_HOME"] = options.home
    if options.parent:
        _bind(options.parent, signal.SIGKILL if options.command == "runner" else signal.SIGTERM)
    commands = {"worker": _worker, "beat": _beat, "up": _up, "runner": _runner}
    from chiasm.errors import ChiasmError

    try:
        return commands[options.command](options)
    except ChiasmError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_status


def _worker(options: argparse.Namespace) -> int:
    from chiasm_workers.lanes import Lanes

    queues = tuple(name for name in options.queues.split(",") if name)
    lanes = Lanes(queues, os.environ)
    # Until Celery has its own handlers: the runners are to give their units back.
    for sign in (signal.SIGTERM, signal.SIGINT):
        signal.signal(sign, _leave)
    try:
        # The runners import what they need before we do: the first claim comes sooner.
        lanes.wait_ready(15.0)
        from chiasm_workers.worker import serve

        return serve(_settings(), lanes, until_idle=options.until_idle, lock_fd=options.lock_fd)
    finally:
        lanes.stop()


def _leave(number: int, frame: FrameType | None) -> None:
    sys.exit(0)


def _runner(options: argparse.Namespace) -> int:
    # Nothing that an import makes is garbage: looking for it costs a tenth of the start-up.
    gc.disable()
    from chiasm_workers.runner import run_runner

    gc.freeze()
    gc.enable()
    run_runner(_settings(), options.lane)
    return 0


def _beat(options: argparse.Namespace) -> int:
    from chiasm_workers.beat import run_beat

    return run_beat(_settings())


def _up(options: argparse.Namespace) -> int:
    from chiasm_workers.up import run_up

    queues = tuple(name for name in options.queues.split(",") if name)
    return run_up(
        _settings(), host=options.host, port=options.port, processes=options.processes, queues=queues
    )


def _settings() -> Settings:
    from chiasm.settings import load_settings

    settings = load_settings()
    logging.basicConfig(level=settings.log_level, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    return settings


def _bind(parent: int, sign: int) -> None:
    from chiasm_workers.parent import die_with_parent, watch_parent

    die_with_parent(sign)
    watch_parent(parent, sign)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m chiasm_workers", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    for name in ("worker", "beat", "up", "runner"):
        command = commands.add_parser(name)
        command.add_argument("--home", help="folder of the installation (default CHIASM_HOME)")
        command.add_argument("--parent", type=int, help=argparse.SUPPRESS)
        if name in {"worker", "up"}:
            command.add_argument(
                "--queues", default=_QUEUES, help="lanes, separated by commas: ingest, train, gpu"
            )
        if name == "worker":
            command.add_argument("--until-idle", action="store_true", help="end when there is no work")
            command.add_argument("--lock-fd", type=int, help=argparse.SUPPRESS)
        if name == "up":
            command.add_argument("--host", default="127.0.0.1")
            command.add_argument("--port", type=int, default=8000)
            command.add_argument("--processes", type=int, default=1)
        if name == "runner":
            command.add_argument("--lane", required=True)
    return parser


if __name__ == "__main__":
    sys.exit(main())
