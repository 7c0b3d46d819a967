"""Relational attention: R-GCN's matrices, and a softmax over all neighbours in the place of means."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from chiasm_graph.convs.pyg import segment_softmax
from chiasm_graph.relational.message_graph import MessageGraph
from chiasm_graph.relational.relational_conv import RelationalConv, relation_matmul

__all__ = ["RgatConv"]


class RgatConv(RelationalConv):
    r"""``W_0 x_i + sum_j alpha_ij W_r x_j``, ``alpha = softmax_j leaky_relu(q . W_r x_i + k . W_r x_j)`` a head.

    The softmax goes over the edges of all relations together, which the paper calls across-relation attention. PyG's
    operator has one matrix an edge in memory; here edges are sorted by relation, and a relation is one product.

    References:
        Busbridge et al. 2019, "Relational Graph Attention Networks", eq. 3-8 (additive attention, ARGAT).
    """

    def __init__(self, dim: int, num_relations: int, bases: int, heads: int) -> None:
        super().__init__(dim, num_relations, bases, heads)
        self.basis = nn.Parameter(torch.empty(bases, dim, dim))
        self.mixture = nn.Parameter(torch.empty(2 * num_relations, bases))
        self.query = nn.Parameter(torch.empty(heads, dim // heads))
        self.key = nn.Parameter(torch.empty(heads, dim // heads))
        self.own = nn.Linear(dim, dim)
        for weight in (self.basis, self.mixture, self.query, self.key):
            nn.init.xavier_uniform_(weight)

    def forward(self, nodes: Tensor, relations: Tensor, graph: MessageGraph) -> tuple[Tensor, Tensor]:
        """New vectors of nodes; relations have no vectors here and come back as they are."""
        weight = torch.einsum("rb,bio->rio", self.mixture, self.basis).unsqueeze(1)
        there, here = (
            relation_matmul(nodes[ends].unsqueeze(1), graph.relations, weight).view(
                -1, self.heads, self.dim // self.heads
            )
            for ends in (graph.sources, graph.targets)
        )
        # (edges, heads)
        logits = functional.leaky_relu((here * self.query).sum(-1) + (there * self.key).sum(-1), 0.2)
        alpha = segment_softmax(logits.float(), graph.targets, num_nodes=graph.num_nodes).to(there.dtype)
        ends = torch.stack([graph.sources, graph.targets])
        heard = self.propagate(ends, values=alpha.unsqueeze(-1) * there, size=(graph.num_nodes,) * 2)
        return self.own(nodes) + heard.flatten(1), relations

    def message(self, values: Tensor) -> Tensor:
        """``alpha W_r x_j``, ``(edges, heads, dim / heads)``."""
        return values
