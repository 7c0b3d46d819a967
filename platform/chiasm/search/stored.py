"""Queries by one stored vector of a release (an entity, or a raw vector), answered together.

What `FusedScorer` does with one of them costs forty small steps over all entities, which are as quick over many rows as
over one. Scores are the same.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from chiasm.search.asked import Asked
from chiasm.search.column import Floats
from chiasm.search.fused import rivals_of, sigmoid
from chiasm.search.plain import Nearest, undemanding
from chiasm.search.query import Query
from chiasm.search.replica import Bools, Ints
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
    if any(column.large for column in state.columns.values()) or not state.columns["fused"].single:
        return None
    return StoredQuery(asked[0].fused, asked[0].row, query.k)


def stored_nearest(
    state: State,
    model: FusionModel,
    queries: Mapping[int, StoredQuery],
    allowed: Bools,
    filters: Hashable | None = None,
) -> dict[int, Nearest]:
    """The best entities for each of some queries of one filter, by their numbers.

    Args:
        state: With a column ``fused``.
        model: Of the release.
        queries: By number.
        allowed: Entities that pass the filter, ``(rows,)``.
        filters: Stands for the filter where most queries have it: what is made of it is kept.
    """
    domains = state.replica.domains
    # Who is the only one of a domain takes it out of the filter by being the query: other rivals for the rest.
    counts = np.bincount(domains[allowed] + 1, minlength=len(state.replica.domain_names) + 1)
    found: dict[int, Nearest] = {}
    others: dict[int, StoredQuery] = {}
    for number, one in queries.items():
        if one.own is None or not allowed[one.own] or counts[domains[one.own] + 1] > 1:
            others[number] = one
            continue
        rest = allowed.copy()
        rest[one.own] = False
        found |= _ranked(_pool(state, rest), model, {number: one})
    if others:
        found |= _ranked(_pool(state, allowed, filters), model, others)
    return found


class _Pool(NamedTuple):
    """What is scored: those that may be hits, and their rivals, as far as they have a vector; ascending."""

    #: (n,)
    rows: Ints
    #: (n, dim)
    vectors: Floats
    #: Availability pattern, ``(n,)``.
    present: npt.NDArray[np.uint8]
    #: (n,)
    allowed: Bools
    #: (n,)
    rivals: Bools


def _pool(state: State, allowed: Bools, filters: Hashable | None = None) -> _Pool:
    column = state.columns["fused"]
    version = column.view.space_id, column.view.generation
    kept: tuple[Any, _Pool] | None = state.derived.get(("pool", filters))
    if kept is not None and kept[0] == version:
        return kept[1]
    rivals, present = rivals_of(state.replica, allowed), present_codes(state)
    vectors, rows = column.vectors_of(np.flatnonzero(allowed | rivals))
    made = _Pool(rows, vectors, present[rows], allowed[rows], rivals[rows])
    if filters is not None:
        # In the place of what was made of an earlier generation.
        state.derived["pool", filters] = version, made
    return made


def _ranked(pool: _Pool, model: FusionModel, queries: Mapping[int, StoredQuery]) -> dict[int, Nearest]:
    asked = np.stack([one.vector for one in queries.values()])
    asked /= np.maximum(np.linalg.norm(asked, axis=1, keepdims=True), 1e-12)
    cosines = np.ascontiguousarray((pool.vectors @ asked.T).T)  # (n, dim) x (dim, queries) -> (queries, n)
    logits = np.asarray(model.ranking.logits(cosines, present=pool.present), dtype=np.float64)
    logits += model.ranking.settled(logits, pool.rivals)[:, None]
    # Below every score, which is none of an entity that is no hit.
    scores = np.where(pool.allowed, sigmoid(logits), -1.0)
    for place, one in enumerate(queries.values()):
        if one.own is not None:
            scores[place, pool.rows == one.own] = -1.0
    # One more says whether there are more.
    count, size = max(one.k for one in queries.values()) + 1, len(pool.rows)
    last = (
        np.partition(scores, size - count, axis=1)[:, size - count] if count < size else np.zeros(len(scores))
    )
    found = {}
    for place, (number, one) in enumerate(queries.items()):
        at = np.flatnonzero(scores[place] >= max(last[place], 0.0))
        at = at[np.argsort(-scores[place, at], kind="stable")][: one.k + 1]
        best = at[: one.k]
        found[number] = Nearest(
            "fused",
            pool.rows[best].tolist(),
            cosines[place, best].tolist(),
            len(at) > one.k,
            scores[place, best].tolist(),
        )
    return found
