"""The greatest value around each node: what its neighbours have, or else what theirs have."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from chiasm_graph.triples import Triples

__all__ = ["greatest_nearby"]

Floats = npt.NDArray[np.float32]
#: Values travel two steps only through nodes with at most so many edges: a hub is next to everything.
MOST_EDGES = 64
#: Rows at a time, which bounds memory.
_CHUNK = 64


def greatest_nearby(values: Floats, graph: Triples) -> Floats:
    """Greatest value among each node's neighbours; where none has any, among theirs (its own included).

    Args:
        values: ``(rows, nodes)``, NaN where a node has none.
        graph: Over the same nodes.

    Returns:
        ``(rows, nodes)``, NaN where nothing is near.
    """
    result = np.full_like(values, np.nan)
    degrees = graph.degrees()
    joined = np.flatnonzero(degrees > 0)
    if not len(joined):
        return result
    neighbour, starts = graph.adjacency.neighbour, graph.adjacency.indptr[joined]
    hub = degrees > MOST_EDGES
    for start in range(0, len(values), _CHUNK):
        span = slice(start, start + _CHUNK)
        one = np.full_like(values[span], -np.inf)
        filled = np.where(np.isnan(values[span]), -np.inf, values[span])
        one[:, joined] = np.maximum.reduceat(filled[:, neighbour], starts, axis=1)
        passed = np.where(hub, -np.inf, one)
        two = np.maximum.reduceat(passed[:, neighbour], starts, axis=1)
        best = np.where(np.isfinite(one[:, joined]), one[:, joined], two)
        result[span, joined] = np.where(np.isfinite(best), best, np.nan)
    return result
