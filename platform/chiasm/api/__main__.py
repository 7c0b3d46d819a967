"""`python -m chiasm.api --home H --host ADDRESS --port N --processes N`."""

from __future__ import annotations

import argparse
import socket
import sys
from pathlib import Path

from chiasm.api.server import run_server, serve_on
from chiasm.errors import ChiasmError
from chiasm.settings import load_settings


def main() -> int:
    """Serve until a signal; the exit status."""
    given = _parser().parse_args()
    try:
        settings = load_settings(given.home)
        if given.listener is not None:
            listener = socket.socket(fileno=given.listener)
            serve_on(settings, listener, host=given.host, lifeline=given.lifeline)
        else:
            run_server(settings, host=given.host, port=given.port, processes=given.processes)
    except ChiasmError as error:
        sys.stderr.write(f"error: {error}\n")
        return error.exit_status
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m chiasm.api", description="Answer over HTTP.")
    parser.add_argument("--home", type=Path, help="default: CHIASM_HOME, then ./chiasm-home")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8000)
    parser.add_argument("--processes", type=int, default=1, help="how many answer on the one port")
    # Of a process that a parent looks after: descriptors that it was given.
    parser.add_argument("--listener", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--lifeline", type=int, help=argparse.SUPPRESS)
    return parser


if __name__ == "__main__":
    raise SystemExit(main())
