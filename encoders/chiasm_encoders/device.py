"""Where a model runs, and in which precision it is fastest there."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import torch

from chiasm_encoders.errors import EncoderInputError

__all__ = [
    "batch_dtype",
    "cpu_has_bf16",
    "free_gpu_memory",
    "mixed_precision",
    "resolve_device",
]


def resolve_device(device: str) -> torch.device:
    """The device named, where "auto" means the first GPU if there is one.

    Raises:
        EncoderInputError: A GPU is named that is not there.
    """
    if device == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    named = torch.device(device)
    count = torch.cuda.device_count() if named.type == "cuda" and torch.cuda.is_available() else 0
    if named.type == "cuda" and (named.index or 0) >= count:
        raise EncoderInputError(
            f"{count} GPUs are found" if count else "no GPU is found",
            where=f"device {device}",
            remedy="set CHIASM_DEVICE to auto or cpu, or mend the driver (`nvidia-smi` should list the GPU)",
        )
    return named


@cache
def cpu_has_bf16() -> bool:
    """Whether this CPU multiplies bfloat16 in hardware; without it bf16 is slower than fp32."""
    flags = Path("/proc/cpuinfo")
    if not flags.is_file():
        return False
    text = flags.read_text(errors="replace")
    return "avx512_bf16" in text or "amx_bf16" in text


def _gpu_has_bf16(device: torch.device) -> bool:
    """Whether this GPU multiplies bfloat16 in hardware; older ones emulate it, slower than fp32."""
    with torch.cuda.device(device):
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))


def batch_dtype(device: torch.device) -> torch.dtype:
    """Type in which large batches run fastest at an equal cosine."""
    if device.type == "cuda":
        return torch.bfloat16 if _gpu_has_bf16(device) else torch.float16
    return torch.bfloat16 if device.type == "cpu" and cpu_has_bf16() else torch.float32


def mixed_precision(device: torch.device, *, training: bool) -> torch.autocast:
    """Autocast for a net: bf16 where that is fast, but not for CPU answers.

    A student answers one query in fp32 as fast as in bf16, and then the vector does not depend on the CPU's
    model. Training is never in fp16, whose gradients would have to be scaled.
    """
    dtype = batch_dtype(device)
    wanted = dtype == torch.bfloat16 if training else device.type == "cuda"
    return torch.autocast(device.type, dtype if wanted else torch.bfloat16, enabled=wanted)


def free_gpu_memory() -> None:
    """Give back what this process keeps of a GPU without using it; other processes may want it."""
    if torch.cuda.is_initialized():  # type: ignore[no-untyped-call]
        torch.cuda.empty_cache()
