"""Which rows a filter lets pass, with what searches made of that: people ask again with the same filter."""

from __future__ import annotations

import threading
from collections import OrderedDict
from functools import cached_property
from typing import Any
from weakref import ref

import numpy as np

from chiasm.spaces.kinds.base import Bools, Halves, Ints
from chiasm.spaces.tuning import selector_of

__all__ = ["Chosen"]

#: Rows copied out for filters, of all filters of a process together, and of one.
_MAX_BYTES, _MAX_OF_ONE = 64 * 2**20, 16 * 2**20


class Chosen:
    """Rows of one segment, or of one matrix, that are alive and pass; safe to share between threads.

    Args:
        mask: ``(rows,)``; not to be written to.
    """

    def __init__(self, mask: Bools) -> None:
        self.mask = np.ascontiguousarray(mask)
        self._asked = False

    @cached_property
    def passing(self) -> int:
        """How many."""
        return int(np.count_nonzero(self.mask))

    @cached_property
    def rows(self) -> Ints:
        """Their numbers, ascending, ``(passing,)``."""
        return np.flatnonzero(self.mask)

    @cached_property
    def selector(self) -> Any:
        """What FAISS filters by."""
        return selector_of(self.mask)

    def copied(self, block: Halves) -> Halves | None:
        """The rows side by side, ``(passing, dim)``; None where they are not worth their memory.

        From the second time on they are kept: many filters are used once.
        """
        found = _copies.get(self)
        if found is None and self.passing * block.strides[0] <= _MAX_OF_ONE:
            found = np.asarray(block).take(self.rows, axis=0)
            if self._asked:
                _copies.put(self, found)
            self._asked = True
        return found


class _Copies:
    """The copies that were used last, up to so many bytes; those of filters that are gone go with them."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._lock = threading.Lock()
        self._kept: OrderedDict[int, tuple[ref[Chosen], Halves]] = OrderedDict()

    def get(self, owner: Chosen) -> Halves | None:
        with self._lock:
            known = self._kept.get(id(owner))
            if known is None or known[0]() is not owner:
                return None
            self._kept.move_to_end(id(owner))
            return known[1]

    def put(self, owner: Chosen, rows: Halves) -> None:
        with self._lock:
            self._kept[id(owner)] = (ref(owner), rows)
            for name in [name for name, (of, _) in self._kept.items() if of() is None]:
                del self._kept[name]
            total = sum(some.nbytes for _, some in self._kept.values())
            while total > self._most:
                total -= self._kept.popitem(last=False)[1][1].nbytes


_copies = _Copies(_MAX_BYTES)
