"""The processes of a service, kept alive while somebody kills them."""

from __future__ import annotations

import os
import random
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from pathlib import Path

__all__ = ["Fleet"]

_ROOT = Path(__file__).resolve().parents[2]
_SOURCE_ROOTS = ("platform", "graph", "encoders", "workers", "migrations")


class Fleet:
    """An API and a worker with its runners; dead ones are started anew.

    Args:
        home: Made before.
    """

    def __init__(self, home: Path) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = int(probe.getsockname()[1])
        self.url = f"http://127.0.0.1:{port}"
        self.kills: Counter[str] = Counter()
        kept = {name: value for name, value in os.environ.items() if not name.startswith("CHIASM_")}
        paths = os.pathsep.join(str(_ROOT / name) for name in _SOURCE_ROOTS)
        self._environment = {**kept, "PYTHONPATH": paths, "OMP_NUM_THREADS": "1"}
        chiasm = [sys.executable, "-W", "ignore", "-m", "chiasm", "--home", str(home)]
        self._commands = {"api": [*chiasm, "serve", "--port", str(port)], "worker": [*chiasm, "worker"]}
        self._log = (home.parent / "fleet.log").open("ab")
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self._ended = threading.Event()
        self._keeper = threading.Thread(target=self._keep, name="keeper")

    def start(self) -> None:
        """Start everything."""
        self._keeper.start()

    def stop(self) -> None:
        """End everything, in the way it is meant to end."""
        self._ended.set()
        self._keeper.join()
        for process in self._processes.values():
            process.send_signal(signal.SIGTERM)
        for process in self._processes.values():
            process.wait(timeout=60)
        self._log.close()

    def kill_one(self, draw: random.Random) -> None:
        """SIGKILL to the API, the worker, or one of its runners or their children."""
        targets = []
        for name, process in list(self._processes.items()):
            if process.poll() is None:
                targets.append((name, process.pid))
                targets += [(f"{name}'s child", child) for child in _descendants(process.pid)]
        if not targets:
            return
        name, pid = draw.choice(targets)
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            return
        self.kills[name] += 1

    def _keep(self) -> None:
        while not self._ended.is_set():
            for name, command in self._commands.items():
                known = self._processes.get(name)
                if known is None or known.poll() is not None:
                    self._processes[name] = subprocess.Popen(
                        command, env=self._environment, stdout=self._log, stderr=self._log
                    )
            time.sleep(0.05)


def _descendants(pid: int) -> list[int]:
    found: list[int] = []
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            children = [int(one) for one in task.read_text().split()]
        except (FileNotFoundError, ProcessLookupError):
            continue
        for child in children:
            found += [child, *_descendants(child)]
    return found
