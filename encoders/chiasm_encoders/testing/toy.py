"""Toy data of three kinds that a student learns in seconds."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from chiasm_encoders.distil.supervision import Supervision

__all__ = ["toy_clips", "toy_drawings", "toy_supervision"]

#: Rate of the clips.
_RATE_HZ = 8000


def toy_supervision(
    items: int, *, text: bool = True, graph: bool = True, train: npt.NDArray[np.bool_] | None = None
) -> Supervision:
    """Items that belong in turn to three kinds, each item its own entity; the fifth entity has no text."""
    kind = np.arange(items) % 3
    axes = np.eye(8, dtype=np.float32)
    targets = axes[kind] + np.float32(0.1) * axes[3 + np.arange(items) % 5]
    targets /= np.linalg.norm(targets, axis=1, keepdims=True)
    targets[4:5] = np.nan
    flags = np.ones(items, bool) if train is None else train
    offsets = np.arange(items + 1) if graph else np.zeros(items + 1, np.int64)
    nodes = (100 + kind).astype(np.int64) if graph else np.zeros(0, np.int64)
    return Supervision(np.arange(items), targets if text else None, (offsets, nodes), flags, ~flags)


def toy_drawings(items: int) -> npt.NDArray[np.uint8]:
    """Pictures `(items, 32, 32, 3)`: one shape and colour a kind, moved about."""
    random = np.random.default_rng(1)
    pictures = np.full((items, 32, 32, 3), 255, np.uint8)
    kinds = [(4, 16, (220, 0, 0)), (16, 4, (0, 160, 0)), (10, 10, (0, 0, 220))]
    for index, picture in enumerate(pictures):
        y, x = random.integers(2, 14, 2)
        height, width, colour = kinds[index % 3]
        picture[y : y + height, x : x + width] = colour
    return pictures


def toy_clips(items: int) -> list[npt.NDArray[np.float32]]:
    """Clips at 8 kHz of unequal length: one pitch a kind, with noise."""
    random = np.random.default_rng(2)
    clips = []
    for index in range(items):
        time = np.arange(round((0.3 + 0.1 * (index % 5)) * _RATE_HZ)) / _RATE_HZ
        tone = 0.5 * np.sin(2 * np.pi * (200, 700, 2000)[index % 3] * time)
        clips.append((tone + random.normal(0, 0.02, len(time))).astype(np.float32))
    return clips
