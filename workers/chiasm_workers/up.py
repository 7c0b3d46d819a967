"""API, worker and beat in one process tree."""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from functools import partial
from types import FrameType

from chiasm.jobs import QUEUES, settings_environment
from chiasm.settings import Settings
from chiasm_workers.lanes import lane_parts
from chiasm_workers.parent import die_with_parent

__all__ = ["run_up"]

_log = logging.getLogger(__name__)
_POLL_S = 0.2
_GRACE_S = 25.0
_MAX_PAUSE_S = 10.0
_SHORT_LIFE_S = 10.0


class Part:
    """One child of the tree, started anew when it ends."""

    def __init__(self, name: str, command: Sequence[str], environment: dict[str, str]) -> None:
        self.name = name
        self._command = list(command)
        self._environment = environment
        self._pause_s = 0.0
        self._due = 0.0
        self._begun = 0.0
        self.process: subprocess.Popen[bytes] | None = None

    def keep(self) -> None:
        """Start it if it is not there and its pause is over."""
        now = time.monotonic()
        if self.process is not None and self.process.poll() is not None:
            status = self.process.returncode
            self.process = None
            short = now - self._begun < _SHORT_LIFE_S
            self._pause_s = min(_MAX_PAUSE_S, self._pause_s * 2 + 0.5) if short else 0.0
            self._due = now + self._pause_s
            _log.error(
                "%s ended with status %s, starting it anew in %.1f s", self.name, status, self._pause_s
            )
        if self.process is None and now >= self._due:
            self._begun = now
            # This process has one thread, so a function between fork and exec is safe.
            self.process = subprocess.Popen(
                self._command,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                start_new_session=True,
                preexec_fn=partial(_bound, os.getpid()),
            )

    def ask(self, sign: int) -> None:
        """Send it a signal if it is there."""
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(sign)


def run_up(
    settings: Settings,
    *,
    host: str = "127.0.0.1",
    port: int = 8000,
    processes: int = 1,
    queues: Sequence[str] = QUEUES,
) -> int:
    """Serve API, worker and beat until SIGTERM or SIGINT; exit status.

    Args:
        settings: The home.
        host: Where the API listens.
        port: Its port.
        processes: How many of the API answer there.
        queues: Lanes of the worker.

    Raises:
        UsageError: As of `Lanes`.
    """
    environment = settings_environment(settings)
    # A worker that cannot start would be started again and again.
    lane_parts(queues, environment)
    python = [sys.executable, "-m"]
    address = ["--host", host, "--port", str(port), "--processes", str(processes)]
    parts = [
        Part("worker", [*python, "chiasm_workers", "worker", "--queues", ",".join(queues)], environment),
        Part("api", [*python, "chiasm.api", *address], environment),
        Part("beat", [*python, "chiasm_workers", "beat"], environment),
    ]
    stop = threading.Event()

    def asked(number: int, frame: FrameType | None) -> None:
        stop.set()

    for sign in (signal.SIGTERM, signal.SIGINT):
        signal.signal(sign, asked)
    while not stop.is_set():
        for part in parts:
            part.keep()
        stop.wait(_POLL_S)
    return _end(parts)


def _end(parts: Sequence[Part]) -> int:
    for part in parts:
        part.ask(signal.SIGTERM)
    end = time.monotonic() + _GRACE_S
    for part in parts:
        if part.process is None:
            continue
        try:
            part.process.wait(max(0.1, end - time.monotonic()))
        except subprocess.TimeoutExpired:
            _log.error("%s did not end in time and is killed", part.name)
            part.process.kill()
            part.process.wait()
    return 0


def _bound(parent: int) -> None:
    die_with_parent(signal.SIGTERM)
    if os.getppid() != parent:
        os._exit(1)
