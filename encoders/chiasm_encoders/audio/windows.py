"""Cutting a recording of any length into windows that a model takes."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

__all__ = ["tiled", "windows"]

Samples = npt.NDArray[np.float32]


def tiled(samples: Samples, length: int) -> Samples:
    """The first `length` samples, the sound repeated as often as that takes."""
    if len(samples) >= length:
        return samples[:length]
    return np.asarray(np.tile(samples, -(-length // max(1, len(samples))))[:length], np.float32)


def windows(samples: Samples, length: int, step: int) -> list[Samples]:
    """Windows that cover the sound.

    A longer sound gives windows of `length`, evenly spread, overlapping rather than padded. A shorter one is
    repeated up to the next multiple of `step` (two at least), so that a batch has few different lengths.
    """
    if len(samples) >= length:
        starts = np.linspace(0, len(samples) - length, -(-len(samples) // length)).round().astype(int)
        return [samples[start : start + length] for start in starts]
    return [tiled(samples, min(length, max(2, -(-len(samples) // step)) * step))]
