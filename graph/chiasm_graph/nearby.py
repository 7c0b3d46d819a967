"""The greatest value around each node: what its neighbours have, or else what theirs have."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from chiasm_graph.triples import Triples

__all__ = ["greatest_nearby", "nearby_without"]

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]
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


def nearby_without(
    values: Floats, graph: Triples, rows: Ints, gone: int, *, two_steps: bool = True, cut: bool = False
) -> Floats:
    """What `greatest_nearby` gives for some nodes once another has no value, ``(n,)``.

    Args:
        values: ``(nodes,)``, NaN where a node has none.
        graph: Over the same nodes.
        rows: Nodes asked about.
        gone: The node without a value.
        two_steps: Whether what stands two edges away counts where no neighbour has a value.
        cut: Whether that node's edges are gone too.
    """
    best = _greatest(values, graph, rows, gone, cut)
    far = np.flatnonzero(np.isneginf(best))
    if two_steps and len(far):
        middle = graph.neighbourhood(rows[far], 1)
        passed = np.full(len(values), np.nan, dtype=np.float32)
        passed[middle] = _greatest(values, graph, middle, gone, cut)
        passed[middle[_degrees(graph, middle, gone if cut else -1) > MOST_EDGES]] = np.nan
        best[far] = _greatest(passed, graph, rows[far], gone if cut else -1, cut)
    return np.where(np.isneginf(best), np.nan, best).astype(np.float32)


def _greatest(values: Floats, graph: Triples, rows: Ints, gone: int, cut: bool) -> Floats:
    """Greatest value among the neighbours of some nodes but one, ``(n,)``; minus infinity for none."""
    owner, at = graph.half_edges(rows)
    there = graph.adjacency.neighbour[at]
    told = values[there]
    heard = ~np.isnan(told) & (there != gone)
    if cut:
        heard &= rows[owner] != gone
    best = np.full(len(rows), -np.inf, dtype=np.float32)
    np.maximum.at(best, owner[heard], told[heard])
    return best


def _degrees(graph: Triples, rows: Ints, blocked: int) -> Ints:
    owner, at = graph.half_edges(rows)
    return np.bincount(owner[graph.adjacency.neighbour[at] != blocked], minlength=len(rows))
