"""The live rows of several segments as one ascending stream of blocks, in bounded memory."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from chiasm.spaces.kinds.base import Halves, Ints
from chiasm.spaces.part import Part

__all__ = ["merged"]

_ROWS = 16_384


def merged(parts: Sequence[Part], dim: int) -> tuple[Ints, Iterator[Halves]]:
    """Ids of all live rows, ascending, and their vectors in that order, as they are in the blocks.

    Raises:
        DamagedError: A block is damaged; raised when its rows come.
    """
    ids = np.concatenate([part.ids for part in parts]) if parts else np.zeros(0, dtype=np.int64)
    order = np.argsort(ids, kind="stable")
    return ids[order], _blocks(parts, order, dim)


def _blocks(parts: Sequence[Part], order: Ints, dim: int) -> Iterator[Halves]:
    starts = np.cumsum([0, *(len(part.ids) for part in parts)])
    for part in parts:
        part.segment.check_map()
        part.segment.guard.require_all()
    for first in range(0, len(order), _ROWS):
        at = order[first : first + _ROWS]
        owners = np.searchsorted(starts, at, side="right") - 1
        block = np.empty((len(at), dim), dtype=np.float16)
        for owner in np.unique(owners).tolist():
            mine = owners == owner
            part = parts[owner]
            block[mine] = part.segment.block[part.rows[at[mine] - starts[owner]]]
        yield block
