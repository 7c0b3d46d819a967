"""A beat in a process of its own, as a deployment has one."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

__all__ = ["running_beat"]


@contextmanager
def running_beat(home: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A beat over a home until the block ends; it says what it has to say in `beat.log` there."""
    with (home / "beat.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "chiasm_workers", "beat", "--home", str(home)],
            env={name: value for name, value in os.environ.items() if not name.startswith("CHIASM_")},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )
        try:
            yield process
        finally:
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
                process.wait(60)
