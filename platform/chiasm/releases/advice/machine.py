"""What the machine can do: counted, and measured for a moment."""

from __future__ import annotations

import os
import shutil
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from chiasm.cores import usable_cores
from chiasm.settings import Settings

__all__ = ["Device", "Machine", "look_at_machine"]

_GIB = 2**30
_SIDE, _SECONDS = 768, 0.2


@dataclass(frozen=True)
class Device:
    """A GPU."""

    name: str
    memory_gib: float


@dataclass(frozen=True)
class Machine:
    """Room and speed."""

    #: Cores that this process may use.
    cores: int
    memory_gib: float
    #: Free where models are written.
    disk_gib: float
    #: Whether the processor multiplies bfloat16 itself.
    bf16: bool
    #: Matrix products as training does them on the CPU, all cores together; as busy as the machine is now.
    gflops: float
    devices: tuple[Device, ...]

    def to_dict(self) -> dict[str, Any]:
        """The facts as JSON."""
        return asdict(self)


def look_at_machine(settings: Settings) -> Machine:
    """Facts of this machine; the device setting decides whether GPUs count."""
    import torch

    place = next(part for part in (settings.models_dir, *settings.models_dir.parents) if part.exists())
    devices: tuple[Device, ...] = ()
    if settings.device != "cpu" and torch.cuda.is_available():
        found = [torch.cuda.get_device_properties(n) for n in range(torch.cuda.device_count())]
        devices = tuple(Device(one.name, round(one.total_memory / _GIB, 1)) for one in found)
    return Machine(
        cores=usable_cores(),
        memory_gib=round(_memory() / _GIB, 1),
        disk_gib=round(shutil.disk_usage(place).free / _GIB, 1),
        bf16=bool(torch.cpu._is_avx512_bf16_supported()),
        gflops=round(_speed(), 1),
        devices=devices,
    )


def _memory() -> int:
    """Bytes that may be used: a container's limit where it has one."""
    whole = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    try:
        limit = Path("/sys/fs/cgroup/memory.max").read_text(encoding="ascii").strip()
    except OSError:
        return whole
    return min(whole, int(limit)) if limit.isdecimal() else whole


def _speed() -> float:
    """GFLOP/s of products of the kind that training makes."""
    import torch

    generator = torch.Generator().manual_seed(0)
    matrix = torch.randn(_SIDE, _SIDE, generator=generator)
    if torch.cpu._is_avx512_bf16_supported():
        matrix = matrix.to(torch.bfloat16)
    # The first one prepares the kernel.
    matrix @ matrix
    began, rounds = time.perf_counter(), 0
    while time.perf_counter() - began < _SECONDS:
        matrix @ matrix
        rounds += 1
    return 2 * _SIDE**3 * rounds / (time.perf_counter() - began) / 1e9
