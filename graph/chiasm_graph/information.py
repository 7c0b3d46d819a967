"""What a path says, in bits."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from chiasm_graph.paths import Step
from chiasm_graph.triples import Triples

__all__ = ["FAR", "distances", "information_of", "rarity"]

Floats = npt.NDArray[np.float64]
#: Beyond this distance nothing is looked at.
FAR = 127


def information_of(graph: Triples, path: list[Step]) -> float:
    """Bits of a path, as in `informative_paths`; 0 for one without steps."""
    if not path:
        return 0.0
    relations = np.array([relation % graph.num_relations for _, relation, _ in path])
    inner = np.array([node for node, _, _ in path[1:]], dtype=np.int64)
    degrees = graph.adjacency.indptr[inner + 1] - graph.adjacency.indptr[inner]
    return float(rarity(graph)[relations].mean() - np.log2(np.maximum(degrees, 1)).sum())


def rarity(graph: Triples) -> Floats:
    """Bits of each relation, ``(relations,)``."""
    counts = np.bincount(graph.relations, minlength=graph.num_relations)
    return np.asarray(np.log2(max(len(graph), 1) / np.maximum(counts, 1)))


def distances(graph: Triples, start: int, most: int) -> npt.NDArray[np.int8]:
    """Edges from a node to each other one, ``(nodes,)``; `FAR` beyond ``most``."""
    found = np.full(graph.num_nodes, FAR, dtype=np.int8)
    found[start] = 0
    front = np.array([start], dtype=np.int64)
    for hops in range(1, most + 1):
        _, at = graph.half_edges(front)
        reached = graph.adjacency.neighbour[at]
        front = np.unique(reached[found[reached] == FAR])
        if not len(front):
            break
        found[front] = hops
    return found
