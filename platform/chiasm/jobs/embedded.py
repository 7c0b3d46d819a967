"""A home without servers starts its own worker when there is work and none is there."""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
from pathlib import Path

from chiasm.jobs.broker import is_embedded
from chiasm.jobs.kinds import QUEUES
from chiasm.settings import Settings

__all__ = ["Presence", "ensure_worker", "lock_alone", "settings_environment", "worker_present"]

_EMBEDDED = "embedded.lock"
#: Workers started by this process; polled so that ended ones leave no zombie.
_started: list[subprocess.Popen[bytes]] = []


class Presence:
    """The sign that a worker serves some lanes of a home: locks that end with the process.

    Workers hold shared locks on one file a lane; whoever can lock such a file alone knows that the
    lane has no worker. The self-started worker also holds `embedded.lock` alone: there are never two.

    Args:
        settings: The home.
        queues: Lanes served.
        lock_fd: `embedded.lock`, locked by whoever started this worker; None for an ordinary worker.
    """

    def __init__(self, settings: Settings, queues: tuple[str, ...], lock_fd: int | None = None) -> None:
        self._folder = settings.queue_dir
        self._queues = queues
        self._alone = lock_fd is not None
        self._held: list[int] = [] if lock_fd is None else [lock_fd]

    def enter(self) -> bool:
        """Show presence; False if this is a self-started worker and another one is there."""
        self._folder.mkdir(parents=True, exist_ok=True)
        if self._alone and not self._held:
            lock_fd = lock_alone(self._folder / _EMBEDDED)
            if lock_fd is None:
                return False
            self._held.append(lock_fd)
        for queue in self._queues:
            descriptor = os.open(
                _lane_file(self._folder, queue), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644
            )
            fcntl.flock(descriptor, fcntl.LOCK_SH)
            self._held.append(descriptor)
        return True

    def leave(self) -> None:
        """Take the sign away."""
        for descriptor in self._held:
            os.close(descriptor)
        self._held = []


def worker_present(settings: Settings, queues: tuple[str, ...] = QUEUES) -> bool:
    """Whether workers of this machine serve all these lanes of the home."""
    return all(_is_locked(_lane_file(settings.queue_dir, queue)) for queue in queues)


def ensure_worker(settings: Settings, queues: tuple[str, ...] = QUEUES) -> bool:
    """Start the home's own worker if it is embedded and no worker serves the lanes; whether one was started.

    The worker is detached, writes to `queue/worker.log`, and ends by itself when idle. Call it after the
    units were committed: a worker that is about to end looks into SQL once more after it gave its lock back.
    """
    _started[:] = [child for child in _started if child.poll() is None]
    if not is_embedded(settings) or worker_present(settings, queues):
        return False
    settings.queue_dir.mkdir(parents=True, exist_ok=True)
    lock_fd = lock_alone(settings.queue_dir / _EMBEDDED)
    if lock_fd is None:
        return False
    command = [sys.executable, "-m", "chiasm_workers", "worker", "--until-idle", "--lock-fd", str(lock_fd)]
    try:
        with (settings.queue_dir / "worker.log").open("ab") as log:
            child = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=settings_environment(settings),
                start_new_session=True,
                # The lock goes over to the child: from here to its end nobody else can start one.
                pass_fds=(lock_fd,),
            )
    finally:
        os.close(lock_fd)
    # Detached on purpose; a Popen object that is dropped while its process runs warns about it.
    _started.append(child)
    return True


def lock_alone(path: Path) -> int | None:
    """A descriptor that holds the file's lock alone, or None if somebody else holds it."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    return descriptor


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
    if not path.exists():
        return False
    descriptor = lock_alone(path)
    if descriptor is None:
        return True
    os.close(descriptor)
    return False
