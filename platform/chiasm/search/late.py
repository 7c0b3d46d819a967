"""Late fusion: reciprocal rank fusion over the modality spaces that the query has a part for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from chiasm.search.asked import Asked
from chiasm.search.column import Column, Floats
from chiasm.search.replica import Bools, Ints
from chiasm.search.scorer import CANDIDATES, Scorer, Scores, Shares, demoted, demotion

__all__ = ["LateScorer"]

#: Of Cormack, Clarke and Buettcher, Reciprocal Rank Fusion (SIGIR 2009).
_K = 60


@dataclass(frozen=True)
class _List:
    """Reciprocal ranks in one modality by one part."""

    modality: str
    weight: float
    #: (rows,) in (0, 1], 1 at the first rank; NaN where an entity is not in the list.
    values: Scores
    #: Median of the values.
    typical: float


class LateScorer(Scorer):
    """The weighted mean of reciprocal ranks over the lists of the query.

    Differs from the paper in what an entity gets in a list it cannot stand in for want of that modality: not
    nothing, but half-way between its mean in the other lists and what is typical (the median) in this one.
    """

    def scores(self, allowed: Bools) -> Scores:
        """Mean reciprocal rank, scaled so that first everywhere is 1."""
        pool = np.flatnonzero(allowed)
        self._lists = [found for one in self.positive for found in self._ranked(one, allowed)]
        total = _mean(self._lists, len(allowed))
        self._against: list[tuple[list[_List], tuple[float, ...]]] = []
        for one in self.negative:
            lists = self._ranked(one, allowed)
            if lists:
                share = self.negative_share(one)
                total, scale = demoted(total, _mean(lists, len(allowed)), share, pool)
                self._against.append((lists, scale))
        return np.clip(total, 0.0, 1.0)

    def shares(self, rows: Sequence[int]) -> list[Shares]:
        """Shares in the mean; without a modality its lists fall away."""
        return [self._shares_of(row) for row in rows]

    def _shares_of(self, row: int) -> Shares:
        gains: dict[str, float] = {}
        for found in self._lists:
            value = found.weight * found.values[row]
            if not np.isnan(value):
                gains[found.modality] = gains.get(found.modality, 0.0) + float(value)
        whole = sum(gains.values()) or 1.0
        without = {m: self._score_without(row, m) for m in gains} if len(gains) > 1 else {}
        return Shares({m: gain / whole for m, gain in gains.items()}, without)

    def _score_without(self, row: int, modality: str) -> float:
        score = _mean_at(self._lists, row, modality)
        for lists, scale in self._against:
            score -= float(demotion(np.array([_mean_at(lists, row, modality)]), scale)[0])
        return min(max(score, 0.0), 1.0)

    def _ranked(self, one: Asked, allowed: Bools) -> list[_List]:
        lists = []
        for modality, vectors in one.features.items():
            column = self.state.columns.get(modality)
            if column is not None:
                cosines = _cosines(column, vectors, allowed).mean(axis=0)
                lists.append(_ranked_list(modality, abs(one.part.weight), cosines, allowed))
        return lists


def _cosines(column: Column, vectors: Floats, allowed: Bools) -> Floats:
    if not column.large:
        return column.values(vectors)
    found = [column.candidates(vector, CANDIDATES, allowed) for vector in vectors]
    return column.values(vectors, np.unique(np.concatenate(found)))


def _ranked_list(modality: str, weight: float, cosines: Scores, allowed: Bools) -> _List:
    values = np.full(len(cosines), np.nan)
    rows: Ints = np.flatnonzero(allowed & ~np.isnan(cosines))
    order = rows[np.argsort(-cosines[rows], kind="stable")]
    values[order] = (_K + 1.0) / (_K + 1.0 + np.arange(len(order)))
    return _List(modality, weight, values, (_K + 1.0) / (_K + 1.0 + len(order) / 2))


def _mean(lists: list[_List], rows: int) -> Scores:
    if not lists:
        return np.full(rows, np.nan)
    return _filled_mean(
        np.array([one.values for one in lists]),
        np.array([one.weight for one in lists]),
        np.array([one.typical for one in lists]),
    )


def _mean_at(lists: list[_List], row: int, left: str) -> float:
    """The mean of one entity as if it had nothing of a modality; 0 if nothing remains."""
    values = np.array([[np.nan if one.modality == left else one.values[row]] for one in lists])
    weights, typical = np.array([one.weight for one in lists]), np.array([one.typical for one in lists])
    return float(np.nan_to_num(_filled_mean(values, weights, typical)[0]))


def _filled_mean(values: Scores, weights: Scores, typical: Scores) -> Scores:
    """Weighted mean over lists, ``(lists, rows) -> (rows,)``; NaN where an entity is in no list."""
    known = ~np.isnan(values)
    weight = weights @ known
    sums = weights @ np.where(known, values, 0.0)
    mean = np.divide(sums, weight, out=np.full(values.shape[1], np.nan), where=weight > 0)
    filled = np.where(known, values, (mean + typical[:, None]) / 2)
    return np.asarray(weights @ filled / weights.sum())
