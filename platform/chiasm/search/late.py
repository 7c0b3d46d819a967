"""Late fusion: reciprocal rank fusion over the modality spaces that the query has a part for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from chiasm.search.asked import Asked
from chiasm.search.reciprocal import filled_mean, reciprocal_ranks
from chiasm.search.replica import Bools, Ints
from chiasm.search.scorer import CANDIDATES, Scorer, Scores, Shares, demoted, demotion

__all__ = ["LateScorer"]


@dataclass(frozen=True)
class _List:
    """Reciprocal ranks in one modality by one part."""

    modality: str
    weight: float
    #: (rows,) in (0, 1], 1 at the first rank; NaN where an entity is not in the list.
    values: Scores
    #: Median of the values.
    typical: float
    #: (rows,) mean cosine, NaN where it is not known.
    cosines: Scores


class LateScorer(Scorer):
    """The weighted mean of reciprocal ranks over the lists of the query (`filled_mean`)."""

    def scores(self, allowed: Bools) -> Scores:
        """Mean reciprocal rank, scaled so that first everywhere is 1."""
        pool = np.flatnonzero(allowed)
        self._pool = self._candidates(allowed)
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

    def cosines(self, rows: Sequence[int]) -> list[dict[str, float]]:
        """The greatest cosine by modality."""
        found: list[dict[str, float]] = [{} for _ in rows]
        for one in self._lists:
            for place, row in enumerate(rows):
                if not np.isnan(one.cosines[row]):
                    best = found[place].get(one.modality, -1.0)
                    found[place][one.modality] = max(best, float(one.cosines[row]))
        return found

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

    def _candidates(self, allowed: Bools) -> Ints:
        """Rows worth scoring where a space is large: what any positive part finds, judged by all of them."""
        found = [self.also]
        for one in self.positive:
            for modality, vectors in one.features.items():
                column = self.state.columns.get(modality)
                if column is not None and column.large:
                    found += [column.candidates(vector, CANDIDATES, allowed) for vector in vectors]
        return np.unique(np.concatenate(found))

    def _ranked(self, one: Asked, allowed: Bools) -> list[_List]:
        lists = []
        for modality, vectors in one.features.items():
            column = self.state.columns.get(modality)
            if column is not None:
                cosines = column.values(vectors, self._pool if column.large else None).mean(axis=0)
                lists.append(_ranked_list(modality, abs(one.part.weight), cosines, allowed))
        return lists


def _ranked_list(modality: str, weight: float, cosines: Scores, allowed: Bools) -> _List:
    values, typical = reciprocal_ranks(cosines, np.flatnonzero(allowed & ~np.isnan(cosines)))
    return _List(modality, weight, values, typical, cosines)


def _mean(lists: list[_List], rows: int) -> Scores:
    if not lists:
        return np.full(rows, np.nan)
    return filled_mean(
        np.array([one.values for one in lists]),
        np.array([one.weight for one in lists]),
        np.array([one.typical for one in lists]),
    )


def _mean_at(lists: list[_List], row: int, left: str) -> float:
    """The mean of one entity as if it had nothing of a modality; 0 if nothing remains."""
    values = np.array([[np.nan if one.modality == left else one.values[row]] for one in lists])
    weights, typical = np.array([one.weight for one in lists]), np.array([one.typical for one in lists])
    return float(np.nan_to_num(filled_mean(values, weights, typical)[0]))
