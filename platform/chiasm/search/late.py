"""Late fusion: reciprocal rank fusion over the modality spaces that the query has a part for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from chiasm.search.asked import Asked
from chiasm.search.column import Column, Floats
from chiasm.search.replica import Bools, Ints
from chiasm.search.scorer import CANDIDATES, Reasons, Scorer, Scores, demoted

__all__ = ["LateScorer", "RankedList", "mean_of"]

#: Of Cormack, Clarke and Buettcher, Reciprocal Rank Fusion (SIGIR 2009).
_K = 60


@dataclass(frozen=True)
class RankedList:
    """Reciprocal ranks in one modality by one part."""

    modality: str
    weight: float
    #: (rows,) in (0, 1], 1 at the first rank; NaN where an entity is not in the list.
    values: Scores
    #: Median of the values.
    typical: float
    #: (rows,) that the ranks are by, NaN likewise.
    cosines: Scores

    @classmethod
    def of(cls, modality: str, weight: float, cosines: Scores, allowed: Bools) -> RankedList:
        """Allowed entities by their cosines, equal ones by age."""
        values = np.full(len(cosines), np.nan)
        rows: Ints = np.flatnonzero(allowed & ~np.isnan(cosines))
        order = rows[np.argsort(-cosines[rows], kind="stable")]
        values[order] = (_K + 1.0) / (_K + 1.0 + np.arange(len(order)))
        return cls(modality, weight, values, _typical(len(order)), cosines)

    def without(self, row: int) -> RankedList:
        """The list when an entity is not in it: who stood behind it moves up."""
        place = (_K + 1.0) / self.values
        # Reciprocals of whole numbers: rounding takes back what the division cost.
        behind = np.round(place) > np.round(place[row])
        values = np.where(behind, (_K + 1.0) / (np.round(place) - 1.0), self.values)
        values[row] = np.nan
        count = int((~np.isnan(values)).sum())
        return replace(self, values=values, typical=_typical(count))


class LateScorer(Scorer):
    """The weighted mean of reciprocal ranks over the lists of the query.

    Differs from the paper in what an entity gets in a list it cannot stand in for want of that modality: not
    nothing, but half-way between its mean in the other lists and what is typical (the median) in this one.
    """

    def scores(self, allowed: Bools) -> Scores:
        """Mean reciprocal rank, scaled so that first everywhere is 1."""
        self.pool = np.flatnonzero(allowed)
        self.lists = [found for one in self.positive for found in self._ranked(one, allowed)]
        #: Lists and strength of each negative part that has any.
        self.against = [
            (lists, self.negative_share(one))
            for one in self.negative
            if (lists := self._ranked(one, allowed))
        ]
        return np.clip(self.combined(self.lists, self.against)[0], 0.0, 1.0)

    def combined(
        self, lists: Sequence[RankedList], against: Sequence[tuple[Sequence[RankedList], float]]
    ) -> tuple[Scores, list[tuple[float, ...]]]:
        """The mean over lists, less what resembles the negative parts; and the scales of these."""
        total, scales = mean_of(lists, len(self.state.replica)), []
        for unwanted, share in against:
            total, scale = demoted(total, mean_of(unwanted, len(total)), share, self.pool)
            scales.append(scale)
        return total, scales

    def reasons(self, rows: Sequence[int]) -> list[Reasons]:
        """Shapley values of the mean; without a modality an entity leaves its lists."""
        from chiasm.search.late_reasons import late_reasons

        return late_reasons(self, rows)

    def _ranked(self, one: Asked, allowed: Bools) -> list[RankedList]:
        lists = []
        for modality, vectors in one.features.items():
            column = self.state.columns.get(modality)
            if column is not None:
                cosines = _cosines(column, vectors, allowed).mean(axis=0)
                lists.append(RankedList.of(modality, abs(one.part.weight), cosines, allowed))
        return lists


def _cosines(column: Column, vectors: Floats, allowed: Bools) -> Floats:
    if not column.large:
        return column.values(vectors)
    found = [column.candidates(vector, CANDIDATES, allowed) for vector in vectors]
    return column.values(vectors, np.unique(np.concatenate(found)))


def _typical(count: int) -> float:
    """Median of the values of a list."""
    return (_K + 1.0) / (_K + 1.0 + count / 2)


def mean_of(lists: Sequence[RankedList], rows: int) -> Scores:
    """Weighted mean over lists, ``(rows,)``; NaN where an entity is in no list."""
    if not lists:
        return np.full(rows, np.nan)
    values = np.array([one.values for one in lists])
    weights, typical = np.array([one.weight for one in lists]), np.array([one.typical for one in lists])
    known = ~np.isnan(values)
    weight = weights @ known
    sums = weights @ np.where(known, values, 0.0)
    mean = np.divide(sums, weight, out=np.full(values.shape[1], np.nan), where=weight > 0)
    filled = np.where(known, values, (mean + typical[:, None]) / 2)
    return np.asarray(weights @ filled / weights.sum())
