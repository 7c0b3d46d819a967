"""Late fusion: reciprocal rank fusion over the modality spaces that the query has a part for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from chiasm.search.asked import Asked
from chiasm.search.reciprocal import filled_mean, reciprocal_ranks
from chiasm.search.replica import Bools, Ints
from chiasm.search.scorer import CANDIDATES, Reasons, Scorer, Scores, demoted

__all__ = ["LateScorer", "RankedList", "mean_of"]


@dataclass(frozen=True)
class RankedList:
    """Reciprocal ranks in one modality by one part."""

    modality: str
    weight: float
    #: (rows,) in (0, 1], 1 at the first rank; NaN where an entity is not in the list.
    values: Scores
    #: Median of the values.
    typical: float
    #: (rows,) mean cosine that the ranks are by, NaN where it is not known.
    cosines: Scores

    @classmethod
    def of(cls, modality: str, weight: float, cosines: Scores, allowed: Bools) -> RankedList:
        """Allowed entities by their cosines, equal ones by age."""
        values, typical = reciprocal_ranks(cosines, np.flatnonzero(allowed & ~np.isnan(cosines)))
        return cls(modality, weight, values, typical, cosines)

    def without(self, row: int) -> RankedList:
        """The list when an entity is not in it: who stood behind it moves up."""
        listed = ~np.isnan(self.values)
        listed[row] = False
        values, typical = reciprocal_ranks(self.cosines, np.flatnonzero(listed))
        return replace(self, values=values, typical=typical)


class LateScorer(Scorer):
    """The weighted mean of reciprocal ranks over the lists of the query (`filled_mean`)."""

    def scores(self, allowed: Bools) -> Scores:
        """Mean reciprocal rank, scaled so that first everywhere is 1."""
        self.pool = np.flatnonzero(allowed)
        self._pool = self._candidates(allowed)
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

    def cosines(self, rows: Sequence[int]) -> list[dict[str, float]]:
        """The greatest cosine by modality."""
        found: list[dict[str, float]] = [{} for _ in rows]
        for one in self.lists:
            for place, row in enumerate(rows):
                if not np.isnan(one.cosines[row]):
                    best = found[place].get(one.modality, -1.0)
                    found[place][one.modality] = max(best, float(one.cosines[row]))
        return found

    def reasons(self, rows: Sequence[int]) -> list[Reasons]:
        """Shapley values of the mean; without a modality an entity leaves its lists."""
        from chiasm.search.late_reasons import late_reasons

        return late_reasons(self, rows)

    def _candidates(self, allowed: Bools) -> Ints:
        """Rows worth scoring where a space is large: what any positive part finds, judged by all of them."""
        found = [self.also]
        for one in self.positive:
            for modality, vectors in one.features.items():
                column = self.state.columns.get(modality)
                if column is not None and column.large:
                    found += [column.candidates(vector, CANDIDATES, allowed) for vector in vectors]
        return np.unique(np.concatenate(found))

    def _ranked(self, one: Asked, allowed: Bools) -> list[RankedList]:
        lists = []
        for modality, vectors in one.features.items():
            column = self.state.columns.get(modality)
            if column is not None:
                cosines = column.values(vectors, self._pool if column.large else None).mean(axis=0)
                lists.append(RankedList.of(modality, abs(one.part.weight), cosines, allowed))
        return lists


def mean_of(lists: Sequence[RankedList], rows: int) -> Scores:
    """Weighted mean over lists, ``(rows,)``; NaN where an entity is in no list."""
    if not lists:
        return np.full(rows, np.nan)
    return filled_mean(
        np.array([one.values for one in lists]),
        np.array([one.weight for one in lists]),
        np.array([one.typical for one in lists]),
    )
