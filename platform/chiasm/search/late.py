"""Late fusion: reciprocal rank fusion over the modality spaces that the query has a part for."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from chiasm.search.asked import Asked
from chiasm.search.column import Column, Floats
from chiasm.search.replica import Bools, Ints
from chiasm.search.scorer import CANDIDATES, Scorer, Scores, demoted, demotion

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


class LateScorer(Scorer):
    """The weighted mean of reciprocal ranks over the lists that an entity can stand in.

    Differs from the paper in being a mean, not a sum: an entity is not moved down for lacking a modality.
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

    def shares(self, row: int) -> tuple[dict[str, float], dict[str, float]]:
        """Shares in the mean; without a modality its lists fall away."""
        gains: dict[str, float] = {}
        for found in self._lists:
            value = found.weight * found.values[row]
            if not np.isnan(value):
                gains[found.modality] = gains.get(found.modality, 0.0) + float(value)
        whole = sum(gains.values()) or 1.0
        without = {m: self._score_without(row, m) for m in gains} if len(gains) > 1 else {}
        return {m: gain / whole for m, gain in gains.items()}, without

    def _score_without(self, row: int, modality: str) -> float:
        score = _mean_at([one for one in self._lists if one.modality != modality], row)
        for lists, scale in self._against:
            kept = _mean_at([one for one in lists if one.modality != modality], row)
            score -= float(demotion(np.array([kept]), scale)[0])
        return min(max(score, 0.0), 1.0)

    def _ranked(self, one: Asked, allowed: Bools) -> list[_List]:
        lists = []
        for modality, vectors in one.features.items():
            column = self.state.columns.get(modality)
            if column is not None:
                cosines = np.mean([_cosines(column, vector, allowed) for vector in vectors], axis=0)
                lists.append(_List(modality, abs(one.part.weight), _reciprocal(cosines, allowed)))
        return lists


def _cosines(column: Column, vector: Floats, allowed: Bools) -> Floats:
    rows = column.candidates(vector, CANDIDATES, allowed) if column.large else None
    return column.values(vector, rows)


def _reciprocal(cosines: Scores, allowed: Bools) -> Scores:
    values = np.full(len(cosines), np.nan)
    rows: Ints = np.flatnonzero(allowed & ~np.isnan(cosines))
    order = rows[np.argsort(-cosines[rows], kind="stable")]
    values[order] = (_K + 1.0) / (_K + 1.0 + np.arange(len(order)))
    return values


def _mean(lists: list[_List], rows: int) -> Scores:
    gain, weight = np.zeros(rows), np.zeros(rows)
    for one in lists:
        known = ~np.isnan(one.values)
        gain[known] += one.weight * one.values[known]
        weight[known] += one.weight
    return np.divide(gain, weight, out=np.full(rows, np.nan), where=weight > 0)


def _mean_at(lists: list[_List], row: int) -> float:
    known = [(one.weight, float(one.values[row])) for one in lists if not np.isnan(one.values[row])]
    weight = sum(w for w, _ in known)
    return sum(w * value for w, value in known) / weight if weight else 0.0
