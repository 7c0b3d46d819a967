"""Several processes as one: started together, ended together."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from types import FrameType

from chiasm.settings import Settings

__all__ = ["run_together"]

_LOOK_EVERY_S = 0.2
#: A worker gives its units back within this; what is left then is killed (leases make that harmless).
_GRACE_S = 20.0


def run_together(commands: Mapping[str, Sequence[str]], settings: Settings) -> int:
    """Exit status once all have ended: 0 after a signal to end, else that of the one that ended first."""
    from chiasm.jobs import settings_environment

    asked: list[int] = []

    def ask(number: int, at: FrameType | None) -> None:
        asked.append(number)

    before = {number: signal.signal(number, ask) for number in (signal.SIGINT, signal.SIGTERM)}
    environment = settings_environment(settings)
    running: dict[str, subprocess.Popen[bytes]] = {}
    try:
        for name, command in commands.items():
            # Own groups: a Ctrl-C at the terminal reaches only us, and we end them in order.
            running[name] = subprocess.Popen(command, env=environment, start_new_session=True)
            sys.stderr.write(f"{name}: process {running[name].pid}\n")
        while not asked:
            ended = {name: child.poll() for name, child in running.items() if child.poll() is not None}
            if ended:
                name, status = next(iter(ended.items()))
                sys.stderr.write(f"{name} ended with status {status}; ending the others\n")
                return status or 1
            time.sleep(_LOOK_EVERY_S)
        return 0
    finally:
        _end(running)
        for number, handler in before.items():
            signal.signal(number, handler)


def _end(running: Mapping[str, subprocess.Popen[bytes]]) -> None:
    for child in running.values():
        if child.poll() is None:
            child.terminate()
    deadline = time.monotonic() + _GRACE_S
    for name, child in running.items():
        try:
            child.wait(timeout=max(0.0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            sys.stderr.write(f"{name} does not end; killing it\n")
            child.kill()
            child.wait()
