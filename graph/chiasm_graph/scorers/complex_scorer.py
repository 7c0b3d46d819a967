"""ComplEx over vectors that a model computes."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from chiasm_graph.errors import ShapeError

__all__ = ["ComplexScorer"]


class ComplexScorer(nn.Module):
    r"""``Re(<h, w_r, conj(t)>)`` with halves of real vectors as real and imaginary parts.

    Relations start at ``1 + 0i``, where the score is the dot product of head and tail: unit vectors that
    already agree start with good scores.

    References:
        Trouillon et al. 2016, "Complex Embeddings for Simple Link Prediction", eq. 11.

    Args:
        num_relations: Without inverses.
        dim: Width of the entity vectors, even.
    """

    def __init__(self, num_relations: int, dim: int) -> None:
        super().__init__()
        if dim % 2:
            raise ShapeError(f"dim must be even, not {dim}", where="ComplexScorer")
        self.real = nn.Parameter(torch.ones(max(1, num_relations), dim // 2))
        self.imaginary = nn.Parameter(torch.zeros(max(1, num_relations), dim // 2))

    def project(self, heads: Tensor, relations: Tensor) -> Tensor:
        """Vectors whose dot product with a tail is the score.

        ``(batch, dim)`` from ``(batch, dim)``, ``(batch,)``.
        """
        real, imaginary = heads.chunk(2, dim=-1)
        w_real, w_imaginary = self.real[relations], self.imaginary[relations]
        return torch.cat(
            [real * w_real - imaginary * w_imaginary, real * w_imaginary + imaginary * w_real], dim=-1
        )

    def forward(self, heads: Tensor, relations: Tensor, tails: Tensor) -> Tensor:
        """Scores of triples, ``(batch,)`` from ``(batch, dim)``, ``(batch,)``, ``(batch, dim)``."""
        return (self.project(heads, relations) * tails).sum(-1)
