"""The GPUs of this machine as a worker shares them out: one process each."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
from collections.abc import Mapping

__all__ = ["gpu_environments"]

_log = logging.getLogger(__name__)
# Counted by the driver alone, a GPU may be one that torch cannot use.
_ASK = "import torch; print(torch.cuda.device_count() if torch.cuda.is_available() else 0)"
_ASK_S = 120.0


def gpu_environments(environment: Mapping[str, str]) -> list[dict[str, str]]:
    """What to add to the environment of each GPU's process: it sees that GPU alone.

    Another process asks the driver: one that once did keeps memory on each GPU.

    Args:
        environment: Of the processes; `CUDA_VISIBLE_DEVICES` there limits the choice.

    Returns:
        One mapping a GPU; none where there is no GPU, no driver or no torch.
    """
    try:
        asked = subprocess.run(
            [sys.executable, "-c", _ASK],
            env=dict(environment),
            capture_output=True,
            timeout=_ASK_S,
            check=True,
        )
        count = int(asked.stdout.split()[-1])
    except (OSError, subprocess.SubprocessError, ValueError, IndexError) as error:
        told = (
            error.stderr.decode(errors="replace").strip()
            if isinstance(error, subprocess.CalledProcessError)
            else ""
        )
        _log.warning("GPUs could not be counted: %s", told.rpartition("\n")[2] or error)
        return []
    names = [name.strip() for name in environment.get("CUDA_VISIBLE_DEVICES", "").split(",") if name.strip()]
    if len(names) < count:
        names = [str(number) for number in range(count)]
    cores = max(1, len(os.sched_getaffinity(0)) // max(1, count))
    share = {} if count < 2 or "OMP_NUM_THREADS" in environment else {"OMP_NUM_THREADS": str(cores)}
    return [{"CUDA_VISIBLE_DEVICES": name, "CHIASM_DEVICE": "cuda", **share} for name in names[:count]]
