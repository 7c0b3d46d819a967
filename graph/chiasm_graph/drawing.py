"""Random subsets of stretches of an array, all stretches at once."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from chiasm_graph.spans import spread

__all__ = ["draw"]

Ints = npt.NDArray[np.int64]


def draw(starts: Ints, counts: Ints, most: Ints | int, generator: np.random.Generator) -> tuple[Ints, Ints]:
    """At most ``most`` positions of each stretch, every subset of that size alike likely.

    A stretch that has no more gives all of its positions.

    Args:
        starts: First position of each stretch, ``(stretches,)``.
        counts: Positions of each stretch, below 2^32, ``(stretches,)``.
        most: How many at most, for all or for each, ``(stretches,)``; -1 for all.
        generator: Source of randomness.

    Returns:
        Number of the stretch, ascending, and position, each ``(drawn,)``.

    References:
        Bentley and Floyd 1987, "Programming Pearls: A Sample of Brilliance", algorithm F2. Its chances are off by at
        most 2^-32 of a stretch's length, as numbers of 32 bits are scaled.
    """
    limit = np.broadcast_to(np.asarray(most, dtype=np.int64), counts.shape)
    wide = (counts > limit) & (limit >= 0)
    if not wide.any():
        return spread(starts, counts)
    taken = np.where(wide, limit, counts)
    owner = np.repeat(np.arange(len(counts)), taken)
    ends = np.cumsum(taken)
    # For narrow stretches that is all; wide ones are overwritten.
    places = np.arange(len(owner)) + np.repeat(starts - (ends - taken), taken)
    rows = np.flatnonzero(wide)
    sizes = limit[rows]
    for size in np.unique(sizes).tolist():
        if size == 0:
            continue
        mine = rows if size == sizes.max() == sizes.min() else rows[sizes == size]
        chosen = _subsets(counts[mine], size, generator)
        at = (ends[mine] - size)[:, None] + np.arange(size)
        places[at] = (chosen + starts[mine]).T
    return owner, places


def _subsets(counts: Ints, size: int, generator: np.random.Generator) -> Ints:
    """``size`` different numbers below each count, ``(size, stretches)``."""
    chosen = np.empty((size, len(counts)), dtype=np.uint32)
    raw = generator.integers(0, 1 << 32, (size, len(counts)), dtype=np.uint32).astype(np.uint64)
    last = counts.astype(np.uint64) - np.uint64(size)
    for step in range(size):
        # A number from 0 to `last + step`; if it was drawn before, that greatest one was not.
        greatest = last + np.uint64(step)
        drawn = ((raw[step] * (greatest + np.uint64(1))) >> np.uint64(32)).astype(np.uint32)
        if step:
            again = (chosen[:step] == drawn).any(axis=0)
            drawn[again] = greatest[again]
        chosen[step] = drawn
    return chosen.astype(np.int64)
