"""Lists of one query made one: by the ranks in them, or by weighted values; what a list cannot judge is no loss."""

from __future__ import annotations

import numpy as np

from chiasm.search.replica import Ints
from chiasm.search.scorer import Scores

__all__ = ["filled_mean", "reciprocal_rank", "reciprocal_ranks"]

#: Of Cormack, Clarke and Buettcher, Reciprocal Rank Fusion (SIGIR 2009).
_K = 60


def reciprocal_rank(above: float) -> float:
    """What a place is worth that has so many above it, in (0, 1]: 1 at the first."""
    return (_K + 1.0) / (_K + 1.0 + above)


def reciprocal_ranks(values: Scores, rows: Ints) -> tuple[Scores, float]:
    """What the place of each row is worth among some rows, best value first, equal ones by age.

    Args:
        values: ``(rows of the replica,)``.
        rows: Those that are ranked.

    Returns:
        ``(rows of the replica,)``, NaN for what is not ranked; and the median.
    """
    found = np.full(len(values), np.nan)
    order = rows[np.argsort(-values[rows], kind="stable")]
    found[order] = (_K + 1.0) / (_K + 1.0 + np.arange(len(order)))
    return found, reciprocal_rank(len(order) / 2)


def filled_mean(values: Scores, weights: Scores, typical: Scores) -> Scores:
    """Weighted mean over lists, ``(lists, rows) -> (rows,)``; NaN where an entity is in no list.

    Differs from the paper in what an entity gets in a list it cannot stand in for want of that modality: not
    nothing, but half-way between its mean in the other lists and what is typical (the median) in this one.
    """
    known = ~np.isnan(values)
    weight = weights @ known
    sums = weights @ np.where(known, values, 0.0)
    mean = np.divide(sums, weight, out=np.full(values.shape[1], np.nan), where=weight > 0)
    filled = np.where(known, values, (mean + typical[:, None]) / 2)
    return np.asarray(weights @ filled / weights.sum())
