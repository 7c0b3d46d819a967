"""Counts of words as vectors that linear models like."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

__all__ = ["LogTfIdf"]

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True)
class LogTfIdf:
    """``log(1 + count) * idf``, each row of unit length; the rarity of words needs no label, so target counts too."""

    #: (features,)
    idf: Floats

    @classmethod
    def fit(cls, counts: npt.NDArray[np.floating]) -> LogTfIdf:
        """Weights for counts of words, ``(rows, features)``, not negative."""
        rows = np.asarray(counts)
        known = (rows > 0).sum(0)
        return cls((np.log((1 + len(rows)) / (1 + known)) + 1).astype(np.float32))

    def __call__(self, counts: npt.NDArray[np.floating]) -> Floats:
        """Unit vectors, ``(rows, features)``; a row without words is zero."""
        weighted = np.log1p(np.asarray(counts, dtype=np.float32)) * self.idf
        lengths = np.linalg.norm(weighted, axis=1, keepdims=True)
        return (weighted / np.maximum(lengths, 1e-9)).astype(np.float32)
