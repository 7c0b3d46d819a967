"""DistMult: a weighted dot product a relation."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from chiasm_graph.scorers.scorer import Scorer

__all__ = ["DistmultScorer"]


class DistmultScorer(Scorer):
    r"""``<h, w_r, t> = sum_i h_i w_ri t_i``; symmetric in head and tail.

    Relations start at 1, where the score is the dot product of head and tail.

    References:
        Yang et al. 2015, "Embedding Entities and Relations for Learning and Inference in Knowledge Bases", eq. 2.

    Args:
        num_relations: Inverses, where there are any, counted.
        dim: Width of the entity vectors.
    """

    def __init__(self, num_relations: int, dim: int) -> None:
        super().__init__(num_relations, dim)
        self.weight = nn.Parameter(torch.ones(max(1, num_relations), dim))

    def project(self, heads: Tensor, relations: Tensor) -> Tensor:
        """``h * w_r``, ``(B, dim)``."""
        return heads * functional.embedding(relations, self.weight)

    def relation_factors(self, relations: Tensor) -> Tensor:
        """``|w_r|``, ``(B, dim)``."""
        return functional.embedding(relations, self.weight).abs()

    def reset(self, scale: float, generator: torch.Generator) -> None:
        """Normal weights of the entities' own scale."""
        with torch.no_grad():
            self.weight.normal_(0.0, scale, generator=generator)

    def all_relations(self, heads: Tensor, tails: Tensor) -> Tensor:
        """One product: the score is linear in ``w_r``, ``(B, relations)``."""
        return (heads * tails) @ self.weight[: self.num_relations].T
