"""TuckER: a core tensor that all relations share."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from chiasm_graph.scorers.scorer import Scorer

__all__ = ["TuckerScorer"]


class TuckerScorer(Scorer):
    r"""``W x_1 h x_2 w_r x_3 t`` with a core ``W`` of ``(relation_dim, dim, dim)``.

    The relations' matrices ``W x_2 w_r`` are made once for the different relations of a batch. The paper's batch
    normalisation is left out: it makes a score depend on the rest of the batch. The core starts as the
    identity in its first slice and ``w_r`` as that slice's unit vector, so a fresh score is the dot product.

    References:
        Balazevic et al. 2019, "TuckER: Tensor Factorization for Knowledge Graph Completion", eq. 3.

    Args:
        num_relations: Inverses, where there are any, counted.
        dim: Width of the entity vectors.
        relation_dim: Width of the relation vectors.
    """

    def __init__(self, num_relations: int, dim: int, relation_dim: int = 30) -> None:
        super().__init__(num_relations, dim)
        core = torch.zeros(relation_dim, dim, dim)
        core[0] = torch.eye(dim)
        weight = torch.zeros(max(1, num_relations), relation_dim)
        weight[:, 0] = 1.0
        self.core = nn.Parameter(core)
        self.weight = nn.Parameter(weight)

    def project(self, heads: Tensor, relations: Tensor) -> Tensor:
        """``W x_1 h x_2 w_r``, ``(B, dim)``."""
        mixed = heads @ self.core.permute(1, 0, 2).reshape(self.dim, -1)  # (B, D) -> (B, R * D)
        per_slice = mixed.view(len(heads), len(self.core), self.dim)
        return (self.weight[relations].unsqueeze(-1) * per_slice).sum(1)

    def relation_factors(self, relations: Tensor) -> Tensor:
        """``|w_r|``, ``(B, relation_dim)``."""
        return self.weight[relations].abs()

    def reset(self, scale: float, generator: torch.Generator) -> None:
        """A core from -1 to 1 as in the paper, relations of the entities' own scale."""
        with torch.no_grad():
            self.core.uniform_(-1.0, 1.0, generator=generator)
            self.weight.normal_(0.0, scale, generator=generator)

    def all_relations(self, heads: Tensor, tails: Tensor) -> Tensor:
        """One product: the score is linear in ``w_r``, ``(B, relations)``."""
        mixed = heads @ self.core.permute(1, 0, 2).reshape(self.dim, -1)  # (B, D) -> (B, R * D)
        slices = (mixed.view(len(heads), len(self.core), self.dim) * tails.unsqueeze(1)).sum(-1)  # (B, R)
        return slices @ self.weight[: self.num_relations].T
