"""`python -m chiasm.api --home H --host ADDRESS --port N`."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from chiasm.api.server import run_server
from chiasm.errors import ChiasmError
from chiasm.settings import load_settings


def main() -> int:
    """Serve until a signal; the exit status."""
    parser = argparse.ArgumentParser(prog="python -m chiasm.api", description="Answer over HTTP.")
    parser.add_argument("--home", type=Path, help="default: CHIASM_HOME, then ./chiasm-home")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8000)
    given = parser.parse_args()
    try:
        run_server(load_settings(given.home), host=given.host, port=given.port)
    except ChiasmError as error:
        sys.stderr.write(f"error: {error}\n")
        return error.exit_status
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
