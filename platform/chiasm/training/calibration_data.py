"""What the ranking is fitted on: held-out assets, and near-copies of known ones."""

from __future__ import annotations

import numpy as np

from chiasm.fusion.ranking import Ranking
from chiasm.training.calibration import Judged, fit_ranking
from chiasm.training.evaluation import Bench

__all__ = ["fit_on"]

#: Near-copies by modality.
MOST_COPIES = 150


def fit_on(bench: Bench) -> Ranking:
    """Fit the ranking on held-out assets and on near-copies of known ones.

    A held-out picture of an entity with one picture asks for an entity that now lacks any: such queries alone
    would teach that lacking one is a merit. So they count as much as such entities are among all, and near-copies
    of known assets, whose entities have them, make up the rest.
    """
    judged = {}
    for modality, queries in bench.by_modality().items():
        cosines = bench.cosines(queries)
        expected = bench.expected(queries)
        has_own = np.isfinite(cosines.own)
        answered = np.array([has_own[i, right].any() for i, right in enumerate(expected)])
        share = float(np.clip(bench.lacking(modality), 0.1, 0.9))
        weights = np.where(answered, 1.0, share)
        copies = bench.copies(modality, MOST_COPIES)
        if copies is not None:
            found, right = copies
            cosines = cosines.joined(found)
            expected = [*expected, *right]
            rest = max(0.1 * weights.sum(), (~answered).sum() * (1 - share))
            weights = np.concatenate([weights, np.full(len(right), rest / len(right))])
        judged[modality] = Judged(cosines, expected, weights)
    return fit_ranking(judged)
