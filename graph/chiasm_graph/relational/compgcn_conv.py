"""CompGCN: neighbours composed with the vectors of relations, which are learned along."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from chiasm_graph.relational.message_graph import MessageGraph
from chiasm_graph.relational.relational_conv import RelationalConv

__all__ = ["CompgcnConv"]


class CompgcnConv(RelationalConv):
    r"""``(W_in m_in + W_out m_out + W_self (x_i * z_self)) / 3``, where m is the mean of ``x_j * z_r``.

    Composition is the product, and relations become ``W_rel z_r``. Means are over the in- and the outgoing edges; the
    authors' code weights them by ``1 / sqrt(d_i d_j)``, which a sampled neighbourhood does not know.

    References:
        Vashishth et al. 2020, "Composition-based Multi-Relational Graph Convolutional Networks", eq. 2-5.
    """

    def __init__(self, dim: int, num_relations: int, bases: int, heads: int) -> None:
        super().__init__(dim, num_relations, bases, heads)
        self.incoming = nn.Linear(dim, dim, bias=False)
        self.outgoing = nn.Linear(dim, dim, bias=False)
        self.own = nn.Linear(dim, dim)
        self.of_relations = nn.Linear(dim, dim, bias=False)
        self.loop = nn.Parameter(torch.ones(dim))

    def forward(self, nodes: Tensor, relations: Tensor, graph: MessageGraph) -> tuple[Tensor, Tensor]:
        """New vectors of nodes and of relations."""
        total = self.own(nodes * self.loop)
        for linear, inverse in ((self.incoming, False), (self.outgoing, True)):
            mine = (graph.relations >= self.num_relations) == inverse
            sources, targets = graph.sources[mine], graph.targets[mine]
            ends = torch.stack([sources, targets])
            share = torch.bincount(targets, minlength=graph.num_nodes).clamp_min(1).reciprocal()
            # Sums are linear: the matrix is applied once a node, not once an edge.
            heard = self.propagate(
                ends,
                x=nodes,
                z=relations[graph.relations[mine]],
                share=share[targets],
                size=(graph.num_nodes,) * 2,
            )
            total = total + linear(heard)
        return total / 3, self.of_relations(relations)

    def message(self, x_j: Tensor, z: Tensor, share: Tensor) -> Tensor:
        """``(x_j * z_r) / d_i``, ``(edges, dim)``."""
        return x_j * z * share.to(x_j.dtype).unsqueeze(-1)
