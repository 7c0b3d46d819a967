"""Lanes: one runner process for each queue, or for each GPU, started anew whenever it dies.

Light on purpose (standard library only): the runners import while the worker itself still has to.
"""

from __future__ import annotations

import contextlib
import logging
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence

from chiasm_workers.gpus import gpu_environments

__all__ = ["Lane", "Lanes", "lane_parts"]

_log = logging.getLogger(__name__)
_KNOWN = ("ingest", "train", "gpu")
_MAX_PAUSE_S = 5.0
#: A stopping runner may finish a transaction or save a checkpoint.
_GRACE_S = 20.0
_TURN_S = 3.0
#: For glibc: what a batch's activations took is kept for the next batch. Given back to the system each time, it costs
#: a page fault for every four kilobytes, a tenth of the time of an encoder.
_KEEP_MEMORY = {
    "MALLOC_MMAP_THRESHOLD_": str(32 * 2**20),
    "MALLOC_TRIM_THRESHOLD_": str(256 * 2**20),
    "MALLOC_TOP_PAD_": str(64 * 2**20),
}


class Lane:
    """Keeps one runner process alive and pokes it.

    Args:
        name: Of the lane.
        queue: Whose units it takes.
        environment: Environment of the runner; its settings.
        lost: Called when a runner died without being asked to.
        after: Lane whose runner imports first: two at once would both be late.
    """

    def __init__(
        self,
        name: str,
        queue: str,
        environment: Mapping[str, str],
        lost: Callable[[], None],
        after: Lane | None = None,
    ) -> None:
        self.name = name
        self.queue = queue
        self._environment = {**_KEEP_MEMORY, **environment}
        self._lost = lost
        self._after = after
        self._ready = threading.Event()
        self._stopping = threading.Event()
        self._lock = threading.Lock()
        self._runner: subprocess.Popen[bytes] | None = None
        self._line: socket.socket | None = None
        self._came_up = False
        # The kernel ends a runner with the thread that started it, so this one lives as long as the lane.
        self._thread = threading.Thread(target=self._keep, name=f"lane-{name}", daemon=True)
        self._thread.start()

    def wait_ready(self, timeout_s: float) -> bool:
        """Whether the runner looked for work within that time."""
        return self._ready.wait(timeout_s)

    def poke(self) -> None:
        """Have the runner look for work now."""
        self._send(b"p")

    @property
    def pid(self) -> int | None:
        """Process id of the runner, if one is there."""
        with self._lock:
            return None if self._runner is None else self._runner.pid

    def kill(self) -> None:
        """End the runner as it is; another one is started."""
        with self._lock:
            if self._runner is not None:
                self._runner.kill()

    def stop(self) -> None:
        """Ask the runner to end after what it is doing."""
        self._stopping.set()
        self._send(b"s")

    def join(self) -> None:
        """Wait for the runner's end, for a while; then kill it."""
        self._thread.join(_GRACE_S)
        with self._lock:
            runner = self._runner
        if self._thread.is_alive() and runner is not None:
            runner.kill()
            self._thread.join()

    def _keep(self) -> None:
        if self._after is not None:
            self._after.wait_ready(_TURN_S)
        pause_s = 0.0
        while not self._stopping.wait(pause_s):
            self._came_up = False
            status = self._run_once()
            if self._stopping.is_set():
                return
            # One that died while it worked is replaced at once; one that never came up may need repair.
            pause_s = 0.0 if self._came_up else min(_MAX_PAUSE_S, pause_s * 2 + 0.1)
            _log.warning("runner %s ended with status %s, starting it anew", self.name, status)
            self._lost()

    def _run_once(self) -> int:
        ours, theirs = socket.socketpair()
        command = [sys.executable, "-m", "chiasm_workers", "runner"]
        command += ["--lane", self.queue, "--parent", str(os.getpid())]
        with theirs:
            # One socket as standard input, both ways: pokes there, "ready" back, end of file at death.
            runner = subprocess.Popen(
                command, stdin=theirs.fileno(), env=self._environment, start_new_session=True
            )
        with self._lock:
            self._runner, self._line = runner, ours
        if self._stopping.is_set():
            self._send(b"s")
        with ours:
            # An empty read (or a reset) is the runner's end.
            with contextlib.suppress(OSError):
                while ours.recv(64):
                    self._came_up = True
                    self._ready.set()
            status = runner.wait()
            with self._lock:
                self._runner = self._line = None
        return status

    def _send(self, message: bytes) -> None:
        # A runner that is just being started anew looks for work by itself.
        with self._lock, contextlib.suppress(OSError):
            if self._line is not None:
                self._line.sendall(message)


class Lanes:
    """All lanes of a worker.

    Args:
        names: `ingest` and `train`, one process each; `gpu` takes the units of `train` with one process a GPU.
        environment: Of the runners; their settings.

    Raises:
        UsageError: A name is not known, both `train` and `gpu` are there, or `gpu` and no GPU.
    """

    def __init__(self, names: Sequence[str], environment: Mapping[str, str]) -> None:
        self._environment = dict(environment)
        self._parts = lane_parts(names, self._environment)
        #: Queues that are served.
        self.queues = tuple(dict.fromkeys(queue for _, queue, _ in self._parts))
        #: What lanes with a GPU each compute on; None: the setting says it.
        self.device = next((more["CHIASM_DEVICE"] for _, _, more in self._parts if more), None)
        #: Set when a runner was lost, so that its lease is taken back at once.
        self.lost = threading.Event()
        self._lanes: dict[str, Lane] = {}
        self.start()

    def start(self) -> None:
        """Start the runners, at first or after `stop`."""
        self._lanes = {}
        lane = None
        for name, queue, more in self._parts:
            environment = {**self._environment, **more}
            lane = self._lanes[name] = Lane(name, queue, environment, self.lost.set, after=lane)

    def wait_ready(self, timeout_s: float) -> bool:
        """Whether every runner looked for work within that time."""
        end = time.monotonic() + timeout_s
        return all(lane.wait_ready(max(0.0, end - time.monotonic())) for lane in self._lanes.values())

    def poke(self, queue: str) -> None:
        """Have a queue's lanes look for work now; a queue that this worker does not serve is nothing to it."""
        for lane in self._lanes.values():
            if lane.queue == queue:
                lane.poke()

    def runners(self) -> dict[str, int]:
        """Process ids of the runners that are there, by lane."""
        pids = {name: lane.pid for name, lane in self._lanes.items()}
        return {name: pid for name, pid in pids.items() if pid is not None}

    def kill(self, name: str) -> None:
        """End the runner of a lane as it is; another one is started."""
        self._lanes[name].kill()

    def request_stop(self) -> None:
        """Ask all runners to end after what they are doing."""
        for lane in self._lanes.values():
            lane.stop()

    def stop(self) -> None:
        """End all runners."""
        self.request_stop()
        for lane in self._lanes.values():
            lane.join()


def lane_parts(names: Sequence[str], environment: Mapping[str, str]) -> list[tuple[str, str, dict[str, str]]]:
    """Name, queue and further environment of each lane; arguments and errors as of `Lanes`."""
    unknown = [name for name in names if name not in _KNOWN]
    if unknown or not names:
        what = f"no lane is called {', '.join(unknown)}" if unknown else "a worker needs a lane"
        raise _refused(what, f"use some of {', '.join(_KNOWN)}")
    if {"train", "gpu"} <= set(names):
        raise _refused("train and gpu take the same work", "leave train out where there are GPUs")
    parts: list[tuple[str, str, dict[str, str]]] = []
    for name in dict.fromkeys(names):
        if name != "gpu":
            parts.append((name, name, {}))
            continue
        found = gpu_environments(environment)
        if not found:
            raise _refused(
                "no GPU is found",
                "mend its driver (`nvidia-smi` should list it), or serve train, which computes on the CPU",
            )
        parts += [(f"gpu:{number}", "train", more) for number, more in enumerate(found)]
    return parts


def _refused(what: str, remedy: str) -> Exception:
    # Imported late: see above.
    from chiasm.errors import UsageError

    return UsageError(what, where="--queues", remedy=remedy)
