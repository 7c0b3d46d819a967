"""Queries by one stored vector of a release (an entity, or a raw vector), answered together.

What `FusedScorer` does with one of them costs forty small steps over all entities, which are as quick over many rows as
over one. Scores are the same up to rounding.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

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


#: Releases whose pools are kept.
_MAX_POOLS = 2


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
        found |= _ranked(state, _pool(state, rest), model, {number: one})
    if others:
        found |= _ranked(state, _pool(state, allowed, filters), model, others)
    return found


class _Pool(NamedTuple):
    """What is scored, ascending."""

    #: (n,)
    rows: Ints
    #: (n, dim); None: of all entities, as the column has them.
    vectors: Floats | None
    #: Availability pattern, ``(n,)``.
    present: npt.NDArray[np.uint8]
    #: (n,)
    allowed: Bools
    #: (n,)
    rivals: Bools


def _pool(state: State, allowed: Bools, filters: Hashable | None = None) -> _Pool:
    """Those that may be hits and their rivals, as far as they have a vector; everybody where it is not kept."""
    rivals, present = rivals_of(state.replica, allowed), present_codes(state)
    if filters is None:
        return _Pool(np.arange(len(allowed)), None, present, allowed, rivals)
    fused = state.columns["fused"]
    # Releases of a workspace share what is derived; a trial has two of them answer by turns.
    name, version = ("pool", filters, fused.view.space_id), fused.view.generation
    kept: tuple[int, Ints, Floats] | None = state.derived.get(name)
    if kept is None or kept[0] != version:
        vectors, rows = fused.vectors_of(np.flatnonzero(allowed | rivals))
        kept = version, rows, vectors
        others = [one for one in list(state.derived) if one[0] == "pool" and one != name]
        for old in others[: max(0, len(others) + 1 - _MAX_POOLS)]:
            state.derived.pop(old, None)
        state.derived[name] = kept
    _, rows, vectors = kept
    return _Pool(rows, vectors, present[rows], allowed[rows], rivals[rows])


def _ranked(
    state: State, pool: _Pool, model: FusionModel, queries: Mapping[int, StoredQuery]
) -> dict[int, Nearest]:
    asked = np.stack([one.vector for one in queries.values()])
    asked /= np.maximum(np.linalg.norm(asked, axis=1, keepdims=True), 1e-12)
    if pool.vectors is None:
        cosines = state.columns["fused"].values(asked)
    else:
        cosines = np.ascontiguousarray(
            (pool.vectors @ asked.T).T
        )  # (n, dim) x (dim, queries) -> (queries, n)
    logits = np.asarray(model.ranking.logits(cosines, present=pool.present), dtype=np.float64)
    logits += model.ranking.settled(logits, pool.rivals)[:, None]
    # Below every score, which is none of an entity that is no hit.
    scores = np.where(pool.allowed & ~np.isnan(logits), sigmoid(logits), -1.0)
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
