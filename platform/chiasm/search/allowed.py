"""Which entities may be hits: all filters as one mask over rows."""

from __future__ import annotations

import numpy as np

from chiasm.catalog import Catalog
from chiasm.search.asked import Asked
from chiasm.search.paths import follow
from chiasm.search.query import Query
from chiasm.search.replica import Bools
from chiasm.search.state import State

__all__ = ["allowed_rows"]


def allowed_rows(state: State, catalog: Catalog, query: Query, asked: list[Asked]) -> Bools:
    """Entities that pass every filter of a query and are not part of it, ``(rows,)``.

    Raises:
        NotFoundError: There is no such domain or predicate, or no entity to be near to.
    """
    replica = state.replica
    mask = np.array(replica.live if query.stubs else replica.hits)
    if query.into is not None:
        mask &= replica.domains == replica.domain(query.into)
    if query.modality is not None:
        mask &= replica.linked if query.modality == "graph" else replica.has[query.modality]
    if query.near is not None:
        mask &= _near(state, query)
    if query.where is not None:
        mask &= state.mask(catalog, query.where)
    mask[[one.row for one in asked if one.row is not None]] = False
    return mask


def _near(state: State, query: Query) -> Bools:
    row = state.replica.row(query.near or "")
    if query.path is not None:
        return follow(state.replica, row, query.path)
    mask = np.zeros(len(state.replica), dtype=np.bool_)
    mask[state.replica.graph.neighbourhood([row], query.hops)] = True
    mask[row] = False
    return mask
