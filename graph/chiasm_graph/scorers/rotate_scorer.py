"""RotatE: a relation is a rotation in each complex plane."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from chiasm_graph.errors import ShapeError
from chiasm_graph.scorers.scorer import MOST_NUMBERS, Scorer

__all__ = ["RotateScorer"]


class RotateScorer(Scorer):
    r"""``-sum_i |h_i exp(i phi_ri) - t_i|`` with halves of real vectors as real and imaginary parts.

    Relations start at angle 0, where the score is minus the distance of head and tail.

    References:
        Sun et al. 2019, "RotatE: Knowledge Graph Embedding by Relational Rotation in Complex Space", eq. 3.

    Args:
        num_relations: Inverses, where there are any, counted.
        dim: Width of the entity vectors, even.
    """

    def __init__(self, num_relations: int, dim: int) -> None:
        super().__init__(num_relations, dim)
        if dim % 2:
            raise ShapeError(f"dim must be even, not {dim}", where="RotateScorer")
        self.phase = nn.Parameter(torch.zeros(max(1, num_relations), dim // 2))

    def project(self, heads: Tensor, relations: Tensor) -> Tensor:
        """Heads turned by their relations, ``(B, dim)``."""
        real, imaginary = heads.chunk(2, dim=-1)
        cosine, sine = self.phase[relations].cos(), self.phase[relations].sin()
        return torch.cat([real * cosine - imaginary * sine, real * sine + imaginary * cosine], dim=-1)

    def compare(self, projected: Tensor, tails: Tensor) -> Tensor:
        """Minus the sum of the distances in the complex planes, ``(*batch,)``."""
        real, imaginary = (projected - tails).chunk(2, dim=-1)
        # A square root has no slope at 0, where a triple fits exactly.
        return -(real.square() + imaginary.square()).clamp_min(1e-30).sqrt().sum(-1)

    def compare_all(self, projected: Tensor, entities: Tensor) -> Tensor:
        """The same for all pairs, ``(B, N)``, some rows at a time: the planes do not come apart in a product."""
        rows = max(1, MOST_NUMBERS // max(1, entities.numel()))
        pieces = [self.compare(part.unsqueeze(1), entities) for part in torch.split(projected, rows)]
        return torch.cat(pieces) if pieces else projected.new_zeros(0, len(entities))

    def entity_factors(self, vectors: Tensor) -> Tensor:
        """Moduli of the complex coordinates, ``(B, dim / 2)``."""
        real, imaginary = vectors.chunk(2, dim=-1)
        return (real.square() + imaginary.square()).clamp_min(1e-30).sqrt()

    def relation_factors(self, relations: Tensor) -> Tensor:
        """Nothing, ``(B, 0)``: rotations have modulus 1."""
        return self.phase.new_zeros(len(relations), 0)

    def reset(self, scale: float, generator: torch.Generator) -> None:
        """Angles all over the circle, whatever the scale."""
        with torch.no_grad():
            self.phase.uniform_(-math.pi, math.pi, generator=generator)
