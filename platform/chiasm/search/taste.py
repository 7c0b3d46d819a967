"""Liked and disliked entities: their centre, or the nearest of each side.

The two strategies are those of Qdrant's recommendations. *average* looks for the mean of what is liked, moved
away from the mean of what is disliked: `2 liked - disliked`. *best* scores a candidate by the liked entity that
is nearest to it, or, if a disliked one is nearer, by minus the square of that cosine: several tastes at once stay
apart, and one dislike is enough.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from chiasm.search.asked import Asked
from chiasm.search.column import Column, Floats
from chiasm.search.query import Part
from chiasm.search.reciprocal import filled_mean, reciprocal_ranks
from chiasm.search.replica import Bools, Ints
from chiasm.search.scorer import CANDIDATES, Reasons, Scorer, Scores

__all__ = ["NearestScorer", "centre"]


def centre(asked: Sequence[Asked]) -> Asked:
    """The liked and disliked as one part, by their mean in each space."""
    liked = [one for one in asked if one.part.weight > 0]
    disliked = [one for one in asked if one.part.weight < 0]
    kinds = dict.fromkeys(kind for one in liked for kind in one.features)
    fused = _moved([one.fused for one in liked], [one.fused for one in disliked])
    features = {
        kind: _moved(*([_middle(one.features.get(kind)) for one in side] for side in (liked, disliked)))
        for kind in kinds
    }
    known = {kind: vector[None] for kind, vector in features.items() if vector is not None}
    # Whatever it is made of, it is looked for as a vector: by the fused space alone where there is one.
    whole = Part("vector", fused if fused is not None else next(iter(known.values()), np.ones((1, 1)))[0])
    return Asked(whole, {} if fused is not None else known, fused)


class NearestScorer(Scorer):
    """Scores by the nearest liked and the nearest disliked entity, in the fused space if there is one.

    Otherwise by the mean of reciprocal ranks over the modality spaces. A score is `(1 + value) / 2`, where the
    value is the cosine to the nearest liked entity, or minus the square of that to a nearer disliked one.
    """

    def scores(self, allowed: Bools) -> Scores:
        """In [0, 1]; above one half what is nearer to something liked."""
        kinds = [kind for kind in self.state.columns if self._vectors(kind, self.positive).size]
        kinds = ["fused"] if "fused" in kinds else kinds
        pool = self._pool(kinds, allowed)
        self._cosines: dict[str, Scores] = {}
        values = [self._values(kind, pool) for kind in kinds]
        if len(values) == 1:
            self._total = np.asarray((1.0 + values[0]) / 2.0)
            return self._total
        ranked = [reciprocal_ranks(v, np.flatnonzero(allowed & ~np.isnan(v))) for v in values]
        typical = np.array([median for _, median in ranked])
        self._total = filled_mean(np.array([found for found, _ in ranked]), np.ones(len(ranked)), typical)
        return self._total

    def reasons(self, rows: Sequence[int]) -> list[Reasons]:
        """Equal shares for all spaces that an entity was judged in: it is one comparison in each."""
        found = []
        for row, cosines in zip(rows, self.cosines(rows), strict=True):
            score = float(self._total[row])
            shares = dict.fromkeys(cosines, score / max(len(cosines), 1))
            found.append(Reasons(shares, 0.0, score, {}, [], max(cosines.values(), default=None)))
        return found

    def cosines(self, rows: Sequence[int]) -> list[dict[str, float]]:
        """The cosine to the nearest liked entity, by space."""
        return [
            {kind: float(values[row]) for kind, values in self._cosines.items() if not np.isnan(values[row])}
            for row in rows
        ]

    def _pool(self, kinds: Sequence[str], allowed: Bools) -> Ints | None:
        """Rows worth scoring; None where all are scored."""
        columns = {kind: self.state.columns[kind] for kind in kinds}
        if not any(column.large for column in columns.values()):
            return None
        found = [
            column.candidates(vector, CANDIDATES, allowed)
            for kind, column in columns.items()
            for vector in self._vectors(kind, self.positive)
        ]
        return np.unique(np.concatenate([*found, self.also]))

    def _values(self, kind: str, pool: Ints | None) -> Scores:
        column = self.state.columns[kind]
        liked = _nearest(column, self._vectors(kind, self.positive), pool)
        self._cosines[kind] = liked
        unwanted = self._vectors(kind, self.negative)
        if not unwanted.size:
            return liked
        disliked = _nearest(column, unwanted, pool)
        return np.where(disliked > liked, -np.square(disliked), liked)

    def _vectors(self, kind: str, side: Sequence[Asked]) -> Floats:
        if kind == "fused":
            found = [one.fused[None] for one in side if one.fused is not None]
        else:
            found = [one.features[kind] for one in side if kind in one.features]
        return np.concatenate(found) if found else np.zeros((0, 0), dtype=np.float32)


def _nearest(column: Column, vectors: Floats, pool: Ints | None) -> Scores:
    """Greatest cosine to any of some vectors, ``(q, dim) -> (rows,)``."""
    return np.asarray(column.values(vectors, pool if column.large else None).max(axis=0), dtype=np.float64)


def _middle(vectors: Floats | None) -> Floats | None:
    return None if vectors is None else np.asarray(vectors.mean(axis=0))


def _moved(liked: Sequence[Floats | None], disliked: Sequence[Floats | None]) -> Floats | None:
    likes, dislikes = ([v for v in side if v is not None] for side in (liked, disliked))
    if not likes:
        return None
    mean = np.mean(likes, axis=0)
    moved = 2.0 * mean - np.mean(dislikes, axis=0) if dislikes else mean
    return np.asarray(moved / max(float(np.linalg.norm(moved)), 1e-12), dtype=np.float32)
