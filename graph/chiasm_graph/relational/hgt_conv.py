"""HGT: a transformer's attention whose keys and values go through a matrix a relation."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from chiasm_graph.convs.pyg import segment_softmax
from chiasm_graph.relational.message_graph import MessageGraph
from chiasm_graph.relational.relational_conv import RelationalConv, relation_matmul

__all__ = ["HgtConv"]


class HgtConv(RelationalConv):
    r"""``s A(gelu(sum_j alpha_ij W^v_r V x_j)) + (1 - s) x_i``, ``alpha = softmax_j p_r (W^k_r K x_j)(Q x_i) / sqrt(d)``.

    The paper's types of nodes are one here: entities of a knowledge graph have none that everybody agrees on.
    PyG's operator gives the same (a test compares them), but holds keys and values of every node for every relation.

    References:
        Hu et al. 2020, "Heterogeneous Graph Transformer", eq. 3-5.
    """

    def __init__(self, dim: int, num_relations: int, bases: int, heads: int) -> None:
        super().__init__(dim, num_relations, bases, heads)
        width = dim // heads
        self.projection = nn.Linear(dim, 3 * dim)
        self.out = nn.Linear(dim, dim)
        self.keys = nn.Parameter(torch.empty(2 * num_relations, heads, width, width))
        self.values = nn.Parameter(torch.empty(2 * num_relations, heads, width, width))
        self.prior = nn.Parameter(torch.ones(2 * num_relations, heads))
        self.skip = nn.Parameter(torch.ones(1))
        bound = width**-0.5
        for weight in (self.keys, self.values):
            nn.init.uniform_(weight, -bound, bound)

    def forward(self, nodes: Tensor, relations: Tensor, graph: MessageGraph) -> tuple[Tensor, Tensor]:
        """New vectors of nodes; relations have no vectors here and come back as they are."""
        shape = (len(nodes), self.heads, self.dim // self.heads)
        k, q, v = (part.reshape(shape) for part in self.projection(nodes).chunk(3, dim=-1))
        k = relation_matmul(k[graph.sources], graph.relations, self.keys)
        v = relation_matmul(v[graph.sources], graph.relations, self.values)
        # (edges, heads)
        logits = (q[graph.targets] * k).sum(-1) * self.prior[graph.relations] / shape[-1] ** 0.5
        alpha = segment_softmax(logits.float(), graph.targets, num_nodes=graph.num_nodes).to(v.dtype)
        ends = torch.stack([graph.sources, graph.targets])
        heard = self.propagate(ends, values=alpha.unsqueeze(-1) * v, size=(graph.num_nodes,) * 2)
        stay = self.skip.sigmoid()
        return stay * self.out(functional.gelu(heard.flatten(1))) + (1 - stay) * nodes, relations

    def message(self, values: Tensor) -> Tensor:
        """``alpha W^v_r V x_j``, ``(edges, heads, dim / heads)``."""
        return values
