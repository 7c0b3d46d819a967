"""R-GCN: a matrix a relation, made of a few bases."""

from __future__ import annotations

from torch import Tensor

from chiasm_graph.convs.pyg import BasisRgcn
from chiasm_graph.relational.message_graph import MessageGraph
from chiasm_graph.relational.relational_conv import RelationalConv

__all__ = ["RgcnConv"]


class RgcnConv(RelationalConv):
    r"""``W_0 x_i + sum_r mean over j in N_r(i) of W_r x_j``, ``W_r = sum_b a_rb V_b``; PyG's own operator.

    References:
        Schlichtkrull et al. 2018, "Modeling Relational Data with Graph Convolutional Networks", eq. 2-3.
    """

    def __init__(self, dim: int, num_relations: int, bases: int, heads: int) -> None:
        super().__init__(dim, num_relations, bases, heads)
        self.inner = BasisRgcn(dim, dim, 2 * num_relations, num_bases=bases)

    def forward(self, nodes: Tensor, relations: Tensor, graph: MessageGraph) -> tuple[Tensor, Tensor]:
        """New vectors of nodes; relations have no vectors here and come back as they are."""
        import torch

        ends = torch.stack([graph.sources, graph.targets])
        return self.inner(nodes, ends, graph.relations), relations
