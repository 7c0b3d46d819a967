"""TransE: a relation is a shift."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from chiasm_graph.errors import ShapeError
from chiasm_graph.scorers.scorer import Scorer

__all__ = ["TranseScorer"]


class TranseScorer(Scorer):
    r"""``-||h + w_r - t||`` in the 1- or 2-norm. Relations start at 0.

    Entity vectors are not kept on the unit ball as the paper does; regularisation bounds them.

    References:
        Bordes et al. 2013, "Translating Embeddings for Modeling Multi-relational Data", eq. 1.

    Args:
        num_relations: Inverses, where there are any, counted.
        dim: Width of the entity vectors.
        norm: 1 or 2.
    """

    def __init__(self, num_relations: int, dim: int, norm: int = 1) -> None:
        super().__init__(num_relations, dim)
        if norm not in (1, 2):
            raise ShapeError(f"norm must be 1 or 2, not {norm}", where="TranseScorer")
        self.norm = norm
        self.shift = nn.Parameter(torch.zeros(max(1, num_relations), dim))

    def project(self, heads: Tensor, relations: Tensor) -> Tensor:
        """``h + w_r``, ``(B, dim)``."""
        return heads + self.shift[relations]

    def compare(self, projected: Tensor, tails: Tensor) -> Tensor:
        """``-||p - t||``, ``(*batch,)``."""
        return -torch.linalg.vector_norm(projected - tails, ord=self.norm, dim=-1)

    def compare_all(self, projected: Tensor, entities: Tensor) -> Tensor:
        """``-||p - t||`` for all pairs, ``(B, N)``; no intermediate of ``(B, N, dim)``."""
        # Exact differences: the expansion by dot products loses near neighbours, which are the answers.
        return -torch.cdist(
            projected, entities, p=float(self.norm), compute_mode="donot_use_mm_for_euclid_dist"
        )

    def relation_factors(self, relations: Tensor) -> Tensor:
        """``|w_r|``, ``(B, dim)``."""
        return self.shift[relations].abs()

    def reset(self, scale: float, generator: torch.Generator) -> None:
        """Normal shifts of the entities' own scale."""
        with torch.no_grad():
            self.shift.normal_(0.0, scale, generator=generator)

    def all_relations(self, heads: Tensor, tails: Tensor) -> Tensor:
        """``-||(t - h) - w_r||`` for all relations, ``(B, relations)``."""
        return self.compare_all(tails - heads, self.shift[: self.num_relations])
