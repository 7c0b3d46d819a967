"""How few edges lie between a head and each entity."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from chiasm_graph.spans import spread
from chiasm_graph.triples import Triples

__all__ = ["Nearness"]

Ints = npt.NDArray[np.int64]


class Nearness:
    """1 for what is exactly ``hops`` edges from the head, else 0: `TailScores`.

    SimKGC adds a bonus for what stands within some hops of the head; one member a distance lets that be fitted. At 0
    hops it is -1 for the head itself, which is hardly ever its own tail.

    References:
        Wang et al. 2022, "SimKGC: Simple Contrastive Knowledge Graph Completion with Pre-trained Language Models",
        section 3.4.

    Args:
        graph: Of training.
        hops: Distance.
    """

    def __init__(self, graph: Triples, hops: int) -> None:
        self._graph, self._hops = graph, hops
        self.num_entities, self.num_relations = graph.num_nodes, graph.num_relations

    def scores(self, heads: Tensor, relations: Tensor) -> Tensor:
        """Where the distance is met, ``(B, entities)``."""
        starts = heads.numpy()
        seen = np.zeros((len(starts), self.num_entities), dtype=np.bool_)
        owner, nodes = np.arange(len(starts)), starts
        seen[owner, nodes] = True
        for _ in range(self._hops):
            owner, nodes = self._step(owner, nodes, seen)
            seen[owner, nodes] = True
        marks = torch.zeros(len(starts), self.num_entities)
        marks[torch.from_numpy(owner), torch.from_numpy(nodes)] = 1.0 if self._hops else -1.0
        return marks

    def _step(self, owner: Ints, nodes: Ints, seen: npt.NDArray[np.bool_]) -> tuple[Ints, Ints]:
        links = self._graph.adjacency
        start = links.indptr[nodes]
        at, edge = spread(start, links.indptr[nodes + 1] - start)
        owner, nodes = owner[at], links.neighbour[edge]
        fresh = ~seen[owner, nodes]
        code = np.unique(owner[fresh] * self.num_entities + nodes[fresh])
        return code // self.num_entities, code % self.num_entities
