"""Maximal marginal relevance: hits that fit the query and do not repeat each other.

Carbonell and Goldstein, The Use of MMR, Diversity-Based Reranking (SIGIR 1998). Differs from the paper in that
relevance is the score, brought to [0, 1] over the candidates, and likeness is the cosine of stored vectors.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from chiasm.search.column import Column, Floats
from chiasm.search.query import MODALITIES
from chiasm.search.replica import Bools, Ints
from chiasm.search.scorer import Scores
from chiasm.search.state import State

__all__ = ["diversified"]


def diversified(state: State, rows: Ints, scores: Scores, diversity: float, count: int) -> Ints:
    """The first rows of another order: each next one is relevant and unlike those before it.

    Args:
        state: Has the vectors: fused ones, else those of each modality, whose cosines are averaged.
        rows: Candidates, best first, ``(n,)``.
        scores: Theirs, ``(n,)``.
        diversity: 0 to 1, the weight of unlikeness.
        count: How many are wanted.
    """
    spread = float(np.ptp(scores)) if len(scores) else 0.0
    relevance = (scores - scores.min()) / spread if spread > 0 else np.ones(len(rows))
    spaces = [_unit_vectors(column, rows) for column in _columns(state).values()]
    nearest, left = np.zeros(len(rows)), np.ones(len(rows), dtype=np.bool_)
    chosen: list[int] = []
    for _ in range(min(count, len(rows))):
        gain = (1.0 - diversity) * relevance - diversity * nearest
        best = int(np.argmax(np.where(left, gain, -np.inf)))
        chosen.append(best)
        left[best] = False
        if spaces:
            nearest = np.maximum(nearest, _likeness(spaces, best))
    return rows[chosen]


def _columns(state: State) -> Mapping[str, Column]:
    if "fused" in state.columns:
        return {"fused": state.columns["fused"]}
    return {kind: column for kind, column in state.columns.items() if kind in MODALITIES}


def _unit_vectors(column: Column, rows: Ints) -> tuple[Floats, Bools]:
    """The mean of each entity's vectors, ``(n, dim)``, and whether it has any, ``(n,)``."""
    vectors = np.zeros((len(rows), column.view.dim), dtype=np.float32)
    for place in np.flatnonzero(column.present[rows]):
        mean = column.items_of(int(rows[place])).mean(axis=0)
        vectors[place] = mean / max(float(np.linalg.norm(mean)), 1e-12)
    return vectors, np.asarray(vectors.any(axis=1))


def _likeness(spaces: list[tuple[Floats, Bools]], place: int) -> Scores:
    """Mean cosine of all candidates to one of them, over the spaces that both are in; 0 where there is none."""
    total, count = np.zeros(len(spaces[0][1])), np.zeros(len(spaces[0][1]))
    for vectors, known in spaces:
        if known[place]:
            total += np.where(known, vectors @ vectors[place], 0.0)
            count += known
    return np.asarray(np.maximum(total / np.maximum(count, 1.0), 0.0))
