"""Cutting a batch of unequal items into pieces that waste little on padding."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt

__all__ = ["length_batches"]


def length_batches(lengths: Sequence[int], max_cells: int) -> Iterator[npt.NDArray[np.int64]]:
    """Positions of items, longest first, such that pieces x their longest item stay within `max_cells`.

    Longest first, so that memory peaks, and fails if it must, at once. An item longer than `max_cells` goes
    alone.
    """
    order = np.argsort(-np.asarray(lengths, np.int64), kind="stable")
    start = 0
    while start < len(order):
        longest = max(1, lengths[int(order[start])])
        count = max(1, max_cells // longest)
        yield order[start : start + count]
        start += count
