"""What all relational operators are."""

from __future__ import annotations

from abc import abstractmethod

import torch
from torch import Tensor

from chiasm_graph.convs.pyg import MessagePassing
from chiasm_graph.relational.message_graph import MessageGraph

__all__ = ["RelationalConv", "relation_matmul"]


class RelationalConv(MessagePassing):
    """One round of messages; a node without any hears itself alone.

    Shapes:
        nodes ``(num_nodes, dim)``, relations ``(2 * num_relations, dim)``; both come back in the same shapes.

    Args:
        dim: Width of vectors, in and out.
        num_relations: Inverses not counted.
        bases: Matrices of which those of the relations are made, where the operator has such.
        heads: Of attention, where the operator has any; divides ``dim``.
    """

    def __init__(self, dim: int, num_relations: int, bases: int, heads: int) -> None:
        super().__init__(aggr="add", node_dim=0)
        self.dim, self.num_relations, self.bases, self.heads = dim, num_relations, bases, heads

    @abstractmethod
    def forward(self, nodes: Tensor, relations: Tensor, graph: MessageGraph) -> tuple[Tensor, Tensor]:
        """New vectors of nodes, and of relations where the operator changes them."""


def relation_matmul(inputs: Tensor, relations: Tensor, weight: Tensor) -> Tensor:
    """Each row times its relation's matrices, a product a relation.

    Args:
        inputs: ``(edges, heads, in)``.
        relations: ``(edges,)`` int64, ascending.
        weight: ``(relations, heads, in, out)``.

    Returns:
        ``(edges, heads, out)``.
    """
    counts = torch.bincount(relations, minlength=len(weight)).tolist()
    parts = [
        torch.einsum("ehi,hio->eho", part, matrices)
        for part, matrices in zip(torch.split(inputs, counts), weight, strict=True)
        if len(part)
    ]
    return torch.cat(parts) if parts else inputs.new_zeros(0, inputs.shape[1], weight.shape[-1])
