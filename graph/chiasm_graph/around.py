"""What stands around a node, the nearest first, and of equally near ones those that the most is said about."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from chiasm_graph.information import distances, rarity
from chiasm_graph.triples import Triples

__all__ = ["Near", "near_by_information"]

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


class Near(NamedTuple):
    """Nodes around one, the nearest first; of equally near ones those that the most is said about."""

    #: (n,)
    nodes: Ints
    #: (n,) edges away
    hops: Ints
    #: (n,) bits of the shortest path that says the most
    information: Floats


def near_by_information(graph: Triples, a: int, max_hops: int) -> Near:
    """Nodes at most ``max_hops`` edges away from ``a``, with the most that a shortest path to them says.

    The information of a path is that of `informative_paths`.
    """
    distance = distances(graph, a, max_hops).astype(np.int64)
    bits_of, cost = rarity(graph), np.log2(np.maximum(graph.degrees(), 1))
    found: list[tuple[Ints, Ints, Floats]] = []
    layers = [np.flatnonzero(distance == hops) for hops in range(max_hops + 1)]
    # A step weighs by the length of the path that it ends up in: each length is a search of its own.
    for length in range(1, max_hops + 1):
        bits = np.full(graph.num_nodes, -np.inf)
        bits[a] = 0.0
        for hops in range(1, length + 1):
            owner, at = graph.half_edges(layers[hops - 1])
            here, there = layers[hops - 1][owner], graph.adjacency.neighbour[at]
            onward = distance[there] == hops
            here, there, at = here[onward], there[onward], at[onward]
            worth = bits[here]
            if len(at):
                worth = worth + bits_of[graph.adjacency.relation[at] % graph.num_relations] / length
            if hops > 1:
                worth = worth - cost[here]
            np.maximum.at(bits, there, worth)
        last = layers[length]
        order = np.lexsort((last, -bits[last]))
        found.append((last[order], np.full(len(last), length), bits[last[order]]))
    nodes, hops_away, information = zip(*found, strict=True) if found else ((), (), ())
    none = np.zeros(0, dtype=np.int64)
    return Near(
        np.concatenate([none, *nodes]),
        np.concatenate([none, *hops_away]),
        np.concatenate([none.astype(np.float64), *information]),
    )
