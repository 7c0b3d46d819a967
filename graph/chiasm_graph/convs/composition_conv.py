"""Relational message passing by composition with relation vectors."""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn

from chiasm_graph.convs.pyg import MessagePassing

__all__ = ["CompositionConv"]


class CompositionConv(MessagePassing):
    r"""Weighted mean of neighbours composed with the relation that leads to them, then a correction.

    .. math::
        m_i = \sum_{j, r} \alpha_{ijr} \, (x_j \odot z_r), \qquad
        \alpha_{ijr} \propto \exp(a_r + c \log(1 + d_j)), \qquad
        y_i = m_i + W_2 \, \mathrm{gelu}(W_1 [m_i, \log(1 + d_i)])

    The multiplicative composition of CompGCN with an own vector for the inverse of each relation. Unlike
    there, neighbours are weighted by a learned trust in the relation and by how common the neighbour is (a
    hub says little), and the correction starts at zero: an untrained layer is the mean of its neighbours.

    Shapes:
        inputs ``(positions, dim)``; parents, relations ``(positions,)``; degrees ``(positions,)``;
        output ``(size, dim)``, zero rows where nothing arrives.

    References:
        Vashishth et al. 2020, "Composition-based Multi-Relational Graph Convolutional Networks", eq. 2-4.

    Args:
        dim: Width of node and relation vectors.
        num_relations: Relations without their inverses.
        dropout: Share of the correction's hidden units dropped.
    """

    def __init__(self, dim: int, num_relations: int, dropout: float = 0.0) -> None:
        super().__init__(aggr="add")
        half_edge_kinds = max(1, 2 * num_relations)
        self.composition = nn.Parameter(torch.ones(half_edge_kinds, dim))
        self.trust = nn.Parameter(torch.zeros(half_edge_kinds))
        self.hub_discount = nn.Parameter(torch.tensor(-0.25))
        self.inner = nn.Linear(dim + 1, dim)
        self.outer = nn.Linear(dim, dim)
        self.drop = nn.Dropout(dropout)
        nn.init.zeros_(self.outer.weight)
        nn.init.zeros_(self.outer.bias)

    def forward(
        self, inputs: Tensor, parents: Tensor, relations: Tensor, log_degrees: Tensor, size: int
    ) -> Tensor:
        """New vectors of the parents.

        Args:
            inputs: Vector at each position, ``(positions, dim)``.
            parents: Parent of each position, ``(positions,)`` int64 below ``size``.
            relations: ``(positions,)`` int64, inverses in the upper half.
            log_degrees: ``log(1 + degree)`` of the node at each position, ``(positions,)``.
            size: Number of parents.
        """
        logits = self.trust[relations] + self.hub_discount * log_degrees
        # exp is safe unshifted: trust is regularised and the discount is bounded by the degrees.
        weights = logits.clamp(-20, 20).exp()
        ends = torch.stack([torch.arange(len(parents), device=parents.device), parents])
        total = self.propagate(
            ends, x=(inputs, None), relations=relations, weights=weights, size=(len(inputs), size)
        )
        norm = weights.new_zeros(size).index_add_(0, parents, weights)
        count = weights.new_zeros(size).index_add_(0, parents, torch.ones_like(weights))
        mean = total / norm.clamp_min(1e-12).unsqueeze(-1)
        arrived = torch.log1p(count).unsqueeze(-1)
        hidden = nn.functional.gelu(self.inner(torch.cat([mean, arrived], dim=-1)))
        changed = mean + self.outer(self.drop(hidden))
        return cast(Tensor, changed * (count > 0).unsqueeze(-1))

    def message(self, x_j: Tensor, relations: Tensor, weights: Tensor) -> Tensor:
        """``alpha * (x_j * z_r)``, ``(positions, dim)``."""
        return x_j * self.composition[relations] * weights.unsqueeze(-1)
