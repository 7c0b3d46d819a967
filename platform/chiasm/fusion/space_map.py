"""The learned map between two spaces: vectors of one model stand in for those of another."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from chiasm.fusion.anchors import ridge_map

__all__ = ["FEWEST_PAIRS", "SpaceMap", "fit_space_map"]

Floats = npt.NDArray[np.float32]

#: Fewer pairs say nothing about a map.
FEWEST_PAIRS = 50
#: Shares of the mean energy that are tried as the penalty.
_PENALTIES = (1e-4, 1e-3, 1e-2, 1e-1)
_NEAREST = 10


@dataclass(frozen=True)
class SpaceMap:
    """An affine map into the new space, and how far to trust it."""

    #: (dim_new, dim_old + 1), the last column a constant.
    weight: Floats
    #: Of pairs that were left out: mean cosine of the mapped vector to the true one.
    cosine: float
    #: Likewise: share of the ten nearest of a true vector that are also nearest among mapped ones.
    kept: float
    pairs: int

    def apply(self, vectors: Floats) -> Floats:
        """Unit vectors in the new space, ``(n, dim_new)``, for unit vectors in the old one, ``(n, dim_old)``."""
        mapped = _with_one(vectors) @ self.weight.T
        return np.asarray(
            mapped / np.maximum(np.linalg.norm(mapped, axis=1, keepdims=True), 1e-9), np.float32
        )


def fit_space_map(old: Floats, new: Floats, *, seed: int = 0) -> SpaceMap:
    """The ridge regression from one space to another, its penalty chosen on a fifth of the pairs.

    Args:
        old: Unit vectors of the same items in the old space, ``(n, dim_old)``.
        new: And in the new one, ``(n, dim_new)``.
        seed: Of which pairs are left out.

    Raises:
        ValueError: There are fewer than `FEWEST_PAIRS`.
    """
    if len(old) < FEWEST_PAIRS or len(old) != len(new):
        raise ValueError(f"{len(old)} and {len(new)} vectors are too few pairs for a map")
    order = np.random.default_rng(seed).permutation(len(old))
    judged, fitted = order[: len(old) // 5], order[len(old) // 5 :]
    x = _with_one(old)
    maps = [
        SpaceMap(ridge_map(x[fitted], new[fitted], penalty), 0.0, 0.0, len(old)) for penalty in _PENALTIES
    ]
    cosines = [float((one.apply(old[judged]) * new[judged]).sum(axis=1).mean()) for one in maps]
    best = int(np.argmax(cosines))
    kept = _kept(maps[best].apply(old[judged]), new[judged])
    # What was left out helps as well, now that it has been judged.
    return SpaceMap(ridge_map(x, new, _PENALTIES[best]), cosines[best], kept, len(old))


def _kept(mapped: Floats, true: Floats) -> float:
    """Overlap of the nearest, each true vector asking; it does not find itself."""
    scores = true @ true.T, true @ mapped.T
    for one in scores:
        np.fill_diagonal(one, -np.inf)
    ours, theirs = (np.argsort(-one, axis=1, kind="stable")[:, :_NEAREST] for one in scores)
    return float(np.mean([len(np.intersect1d(a, b)) / _NEAREST for a, b in zip(ours, theirs, strict=True)]))


def _with_one(vectors: Floats) -> Floats:
    return np.concatenate([vectors, np.ones((len(vectors), 1), dtype=np.float32)], axis=1)
