"""Several processes of the service on one socket, and the parent that looks after them."""

from __future__ import annotations

import fcntl
import logging
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import FrameType

from chiasm.settings import Settings

__all__ = ["run_processes"]

_POLL_S = 0.1
#: Longer than a process gives the requests that it is still answering.
_GRACE_S = 15.0
#: A process that ends sooner than this was never well: the next one waits a little longer each time.
_SHORT_LIFE_S = 10.0
_MAX_PAUSE_S = 10.0
_log = logging.getLogger(__name__)


def run_processes(settings: Settings, listener: socket.socket, *, host: str, processes: int) -> None:
    """Serve until SIGTERM or SIGINT; what ends before that is started anew.

    All accept from one socket, so none is asked before it listens, and what one leaves the others take.

    Args:
        settings: The home.
        listener: Bound.
        host: Its address.
        processes: How many.
    """
    stop = threading.Event()

    def asked(number: int, frame: FrameType | None) -> None:
        stop.set()

    before = {sign: signal.signal(sign, asked) for sign in (signal.SIGTERM, signal.SIGINT)}
    lifeline, ours = os.pipe()
    folder, lock = _metrics_folder(settings.home.resolve() / "run")
    command = [sys.executable, "-m", "chiasm.api", "--host", host]
    command += ["--listener", str(listener.fileno()), "--lifeline", str(lifeline)]
    environment = _environment(settings, folder)
    children = [_Child(command, environment, (listener.fileno(), lifeline)) for _ in range(processes)]
    try:
        while not stop.is_set():
            for child in children:
                child.keep()
            stop.wait(_POLL_S)
    finally:
        _end(children)
        os.close(ours)
        os.close(lifeline)
        shutil.rmtree(folder, ignore_errors=True)
        os.close(lock)
        for sign, handler in before.items():
            signal.signal(sign, handler)


class _Child:
    """One process, started anew when it ends."""

    def __init__(
        self, command: Sequence[str], environment: Mapping[str, str], descriptors: Sequence[int]
    ) -> None:
        self._command = command
        self._environment = environment
        self._descriptors = descriptors
        self._pause_s = self._due = self._begun = 0.0
        self.process: subprocess.Popen[bytes] | None = None

    def keep(self) -> None:
        """Start it if it is not there and its pause is over."""
        now = time.monotonic()
        if self.process is not None and self.process.poll() is not None:
            self._mourn(now, self.process)
        if self.process is None and now >= self._due:
            self._begun = now
            # In a session of its own: an interrupt at the terminal comes to the parent alone.
            self.process = subprocess.Popen(
                self._command,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                pass_fds=self._descriptors,
                start_new_session=True,
            )

    def _mourn(self, now: float, process: subprocess.Popen[bytes]) -> None:
        from prometheus_client.multiprocess import mark_process_dead

        mark_process_dead(process.pid, self._environment["PROMETHEUS_MULTIPROC_DIR"])  # type: ignore[no-untyped-call]
        short = now - self._begun < _SHORT_LIFE_S
        self._pause_s = min(_MAX_PAUSE_S, self._pause_s * 2 + 0.5) if short else 0.0
        self._due = now + self._pause_s
        self.process = None
        _log.error(
            "a process of the service ended with status %s, another begins in %.1f s",
            process.returncode,
            self._pause_s,
        )


def _end(children: Sequence[_Child]) -> None:
    """Have all finish what they are answering, and see that they are gone."""
    running = [child.process for child in children if child.process is not None]
    for process in running:
        process.terminate()
    deadline = time.monotonic() + _GRACE_S
    for process in running:
        try:
            process.wait(max(0.1, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            _log.error("a process of the service did not end in time and is killed")
            process.kill()
            process.wait()


def _environment(settings: Settings, folder: Path) -> dict[str, str]:
    from chiasm.jobs import settings_environment
    from chiasm.search.threads import limit_process

    environment = settings_environment(settings)
    limit_process(environment)
    return {**environment, "PROMETHEUS_MULTIPROC_DIR": str(folder)}


def _metrics_folder(run: Path) -> tuple[Path, int]:
    """A fresh folder that the processes count in together, and its lock; those of dead parents go."""
    run.mkdir(parents=True, exist_ok=True)
    for old in run.glob("metrics-*"):
        descriptor = _locked(old)
        if descriptor is not None:
            shutil.rmtree(old, ignore_errors=True)
            os.close(descriptor)
    fresh = Path(tempfile.mkdtemp(prefix="new-", dir=run))
    descriptor = _locked(fresh)
    assert descriptor is not None
    # Only what is locked already may be seen by another parent that clears away.
    folder = fresh.rename(run / fresh.name.replace("new-", "metrics-"))
    return folder, descriptor


def _locked(folder: Path) -> int | None:
    """A lock that ends with the process; None where somebody has it, or the folder is gone."""
    with suppress(OSError):
        descriptor = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(descriptor)
            return None
        return descriptor
    return None
