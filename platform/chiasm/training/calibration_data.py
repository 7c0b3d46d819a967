"""What the ranking is fitted on: held-out assets, and near-copies of known ones."""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from chiasm.fusion.ranking import Ranking
from chiasm.training.calibration import Judged, fit_ranking
from chiasm.training.chances import calibrated, judged_candidates
from chiasm.training.evaluation import Bench
from chiasm.training.queries import Query

__all__ = ["fit_on"]

#: Near-copies by modality.
MOST_COPIES = 150


class _Asked(NamedTuple):
    """Queries of one modality, held-out ones first, and what may answer each."""

    judged: Judged
    #: Candidates of the domain asked for, ``(queries, candidates)``
    allowed: npt.NDArray[np.bool_]


def fit_on(bench: Bench) -> Ranking:
    """Fit the ranking on held-out assets and on near-copies of known ones, then make its scores chances.

    A held-out picture of an entity with one picture asks for an entity that now lacks any: such queries alone
    would teach that lacking one is a merit. So they count as much as such entities are among all, and near-copies
    of known assets, whose entities have them, make up the rest.
    """
    asked = {modality: _asked(bench, modality, queries) for modality, queries in bench.by_modality().items()}
    ranking = fit_ranking({modality: one.judged for modality, one in asked.items()})
    pairs = {}
    for modality, (judged, allowed) in asked.items():
        # Without offsets and levels as yet: a slope of 1 takes off what the rivals have.
        apart = bench.logits(modality, judged.cosines, allowed, replace(ranking, slope=1.0))
        logits = np.where(allowed, apart, -np.inf)
        pairs[modality] = judged_candidates(logits, judged.expected, bench.codes, judged.weights)
    return calibrated(ranking, pairs)


def _asked(bench: Bench, modality: str, queries: list[Query]) -> _Asked:
    cosines, expected, allowed = bench.cosines(queries), bench.expected(queries), bench.allowed(queries)
    has_own = np.isfinite(cosines.own)
    answered = np.array([has_own[i, right].any() for i, right in enumerate(expected)])
    share = float(np.clip(bench.lacking(modality), 0.1, 0.9))
    weights = np.where(answered, 1.0, share)
    copies = bench.copies(modality, MOST_COPIES)
    if copies is not None:
        found, right = copies
        cosines, expected = cosines.joined(found), [*expected, *right]
        allowed = np.concatenate([allowed, bench.beside(right)])
        rest = max(0.1 * weights.sum(), (~answered).sum() * (1 - share))
        weights = np.concatenate([weights, np.full(len(right), rest / len(right))])
    return _Asked(Judged(cosines, expected, weights), allowed)
