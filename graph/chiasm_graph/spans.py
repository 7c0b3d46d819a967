"""Stretches of an array, taken apart without a loop."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

__all__ = ["spread"]

Ints = npt.NDArray[np.int64]


def spread(starts: Ints, counts: Ints) -> tuple[Ints, Ints]:
    """Each position of stretches that begin at ``starts`` and have ``counts`` positions, both ``(stretches,)``.

    Returns:
        Number of the stretch and position, each ``(sum of counts,)``, a stretch after the other.
    """
    owner = np.repeat(np.arange(len(counts)), counts)
    within = np.arange(len(owner)) - np.repeat(np.cumsum(counts) - counts, counts)
    return owner, starts[owner] + within
