"""Queries by one stored vector of a release (an entity, or a raw vector), answered together.

What `FusedScorer` does with one of them costs forty small steps over all entities, which are as quick over many rows as
over one. Scores are the same.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from chiasm.search.asked import Asked
from chiasm.search.column import Floats
from chiasm.search.evidence import values_of
from chiasm.search.fused import rivals_of, sigmoid
from chiasm.search.plain import Nearest, undemanding
from chiasm.search.query import Query
from chiasm.search.replica import Bools
from chiasm.search.sides import present_codes
from chiasm.search.state import State

if TYPE_CHECKING:
    from chiasm.fusion.runtime import FusionModel

__all__ = ["StoredQuery", "stored_nearest", "stored_query"]


class StoredQuery(NamedTuple):
    """The one vector that is looked for."""

    #: In the fused space, ``(dim,)``.
    vector: Floats
    #: Row of the entity that is the query, if it is one.
    own: int | None
    k: int


def stored_query(state: State, query: Query, asked: Sequence[Asked]) -> StoredQuery | None:
    """The query as such a one; None if it is another, or a space is too large to be scored as a whole."""
    if state.folder is None or not undemanding(query, asked) or asked[0].fused is None:
        return None
    if any(column.large for column in state.columns.values()):
        return None
    return StoredQuery(asked[0].fused, asked[0].row, query.k)


def stored_nearest(
    state: State, model: FusionModel, queries: Mapping[int, StoredQuery], allowed: Bools
) -> dict[int, Nearest]:
    """The best entities for each of some queries of one filter, by their numbers.

    Args:
        state: With a column ``fused``.
        model: Of the release.
        queries: By number.
        allowed: Entities that pass the filter, ``(rows,)``.
    """
    domains = state.replica.domains
    # Who is the only one of a domain takes it out of the filter by being the query: other rivals for the rest.
    counts = np.bincount(domains[allowed] + 1, minlength=len(state.replica.domain_names) + 1)
    alone = {
        number: one
        for number, one in queries.items()
        if one.own is not None and allowed[one.own] and counts[domains[one.own] + 1] == 1
    }
    found: dict[int, Nearest] = {}
    for number, one in alone.items():
        others = allowed.copy()
        others[one.own] = False
        found |= _ranked(state, model, {number: one}, others)
    return found | _ranked(state, model, {n: one for n, one in queries.items() if n not in alone}, allowed)


def _ranked(
    state: State, model: FusionModel, queries: Mapping[int, StoredQuery], allowed: Bools
) -> dict[int, Nearest]:
    if not queries:
        return {}
    vectors = np.stack([one.vector for one in queries.values()])
    vectors /= np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
    cosines = values_of(state.columns["fused"], vectors)  # (queries, rows)
    logits = np.asarray(model.ranking.logits(cosines, present=present_codes(state)), dtype=np.float64)
    logits += model.ranking.settled(logits, rivals_of(state.replica, allowed))[:, None]
    # Below every score, which is none of an entity that is no hit.
    scores = np.where(allowed & ~np.isnan(logits), sigmoid(logits), -1.0)
    for place, one in enumerate(queries.values()):
        if one.own is not None:
            scores[place, one.own] = -1.0
    # One more says whether there are more.
    count, size = max(one.k for one in queries.values()) + 1, scores.shape[1]
    last = (
        np.partition(scores, size - count, axis=1)[:, size - count] if count < size else np.zeros(len(scores))
    )
    found = {}
    for place, (number, one) in enumerate(queries.items()):
        rows = np.flatnonzero(scores[place] >= max(last[place], 0.0))
        rows = rows[np.argsort(-scores[place, rows], kind="stable")][: one.k + 1]
        best = rows[: one.k]
        found[number] = Nearest(
            "fused",
            best.tolist(),
            cosines[place, best].tolist(),
            len(rows) > one.k,
            scores[place, best].tolist(),
        )
    return found
