"""Fast membership of pairs of small numbers."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

__all__ = ["PairSet"]

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]


class PairSet:
    """A set of pairs ``(a, b)``.

    Args:
        a: ``(pairs,)``, not negative.
        b: ``(pairs,)``, in ``[0, limit)``.
        limit: One more than the largest ``b``.
    """

    def __init__(self, a: Ints, b: Ints, limit: int) -> None:
        self.limit = max(1, int(limit))
        self.codes = np.unique(a.astype(np.int64) * self.limit + b)

    def contains(self, a: Ints, b: Ints) -> Bools:
        """Whether each ``(a, b)`` is in the set; the arguments are broadcast."""
        wanted = np.asarray(a) * self.limit + np.asarray(b)
        if not len(self.codes):
            return np.zeros(wanted.shape, dtype=np.bool_)
        at = np.minimum(np.searchsorted(self.codes, wanted), len(self.codes) - 1)
        return np.asarray(self.codes[at] == wanted, dtype=np.bool_)

    def matrix(self, a: Ints, b: Ints) -> Bools:
        """Whether each pair of one of ``a`` and one of ``b`` is in the set, ``(len(a), len(b))``."""
        return self.contains(np.asarray(a)[:, None], np.asarray(b)[None, :])
