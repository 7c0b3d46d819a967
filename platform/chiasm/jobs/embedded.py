"""A home without servers starts its own worker when there is work and none is there."""

from __future__ import annotations

import contextlib
import fcntl
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from chiasm.jobs.broker import is_embedded
from chiasm.jobs.kinds import QUEUES
from chiasm.settings import Settings

__all__ = ["Presence", "ensure_worker", "settings_environment", "worker_present"]


class Presence:
    """The sign that a worker serves some lanes of a home: locks that end with the process.

    Workers hold shared locks on one file a lane; whoever can lock such a file alone knows that the
    lane has no worker. The self-started worker also holds `embedded.lock` alone: there are never two.
    """

    def __init__(self, settings: Settings) -> None:
        self._folder = settings.queue_dir
        self._held: list[int] = []

    def enter(self, queues: tuple[str, ...], *, alone: bool = False) -> bool:
        """Show presence; False if `alone` was asked and another self-started worker is there."""
        self._folder.mkdir(parents=True, exist_ok=True)
        if alone and not self._lock(self._folder / "embedded.lock", fcntl.LOCK_EX | fcntl.LOCK_NB):
            return False
        for queue in queues:
            self._lock(_lane_file(self._folder, queue), fcntl.LOCK_SH)
        return True

    def leave(self) -> None:
        """Take the sign away."""
        for descriptor in self._held:
            os.close(descriptor)
        self._held = []

    def _lock(self, path: Path, how: int) -> bool:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            fcntl.flock(descriptor, how)
        except BlockingIOError:
            os.close(descriptor)
            return False
        self._held.append(descriptor)
        return True


def worker_present(settings: Settings, queues: tuple[str, ...] = QUEUES) -> bool:
    """Whether workers of this machine serve all these lanes of the home."""
    return all(_is_locked(_lane_file(settings.queue_dir, queue)) for queue in queues)


def ensure_worker(settings: Settings, queues: tuple[str, ...] = QUEUES) -> bool:
    """Start the home's own worker if it is embedded and no worker serves the lanes; whether one was started.

    The worker is detached, writes to `queue/worker.log`, and ends by itself when idle. Call it after the
    units were committed: a worker that is about to end looks into SQL once more after it gave its lock back.
    """
    if not is_embedded(settings) or worker_present(settings, queues):
        return False
    settings.queue_dir.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "chiasm_workers", "worker", "--until-idle"]
    with (settings.queue_dir / "worker.log").open("ab") as log:
        subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env=settings_environment(settings),
            start_new_session=True,
            close_fds=True,
        )
    return True


def settings_environment(settings: Settings) -> dict[str, str]:
    """Environment under which a child process reads exactly these settings."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("CHIASM_")}
    for name, value in settings.model_dump(mode="json").items():
        if value != "":
            environment[f"CHIASM_{name.upper()}"] = str(value)
    environment["CHIASM_HOME"] = str(settings.home.resolve())
    return environment


def _lane_file(folder: Path, queue: str) -> Path:
    return folder / f"{queue}.lock"


def _is_locked(path: Path) -> bool:
    with _opened(path) as descriptor:
        if descriptor is None:
            return False
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        return False


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[int | None]:
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        yield None
        return
    try:
        yield descriptor
    finally:
        os.close(descriptor)
