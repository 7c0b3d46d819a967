"""Who claims: a name that tells, on the same machine, whether its process still lives.

A lost worker's leases end by themselves. On the machine that it ran on nobody need wait for that: the
name holds the boot, the process-id namespace, the process id and the process's start time, so another process
can see that it is gone (and never mistakes a new process of the same number for it).
"""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path

__all__ = ["is_gone", "owner_name"]


def owner_name(pid: int | None = None) -> str:
    """Name of a process of this machine; default this one."""
    pid = os.getpid() if pid is None else pid
    return f"{_machine()}/{pid}/{_started(pid) or 0}"


def is_gone(owner: str) -> bool:
    """Whether the owner certainly lives no more; False for processes of other machines."""
    machine, _, rest = owner.partition("/")
    pid, _, started = rest.partition("/")
    if (
        machine != _machine()
        or not pid.isdigit()
        or started in {"", "0"}
        or not Path("/proc/self/stat").exists()
    ):
        return False
    return str(_started(int(pid))) != started


@cache
def _machine() -> str:
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        namespace = Path("/proc/self/ns/pid").stat().st_ino
    except OSError:
        # No such files (not Linux): the owner of a lease is then known by its lease only.
        return f"{os.uname().nodename}"
    return f"{boot}:{namespace}"


def _started(pid: int) -> str | None:
    """Start time of a living process in clock ticks since boot; None if it is dead or a zombie."""
    try:
        # The name in brackets may hold anything; fields are counted from behind it.
        fields = (
            Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
        )
    except OSError:
        return None
    return None if fields[0] in {"Z", "X"} else fields[19]
