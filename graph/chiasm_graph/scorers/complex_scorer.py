"""ComplEx: DistMult over complex numbers."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from chiasm_graph.errors import ShapeError
from chiasm_graph.scorers.scorer import Scorer

__all__ = ["ComplexScorer"]


class ComplexScorer(Scorer):
    r"""``Re(<h, w_r, conj(t)>)`` with halves of real vectors as real and imaginary parts.

    Relations start at ``1 + 0i``, where the score is the dot product of head and tail: unit vectors that
    already agree start with good scores.

    References:
        Trouillon et al. 2016, "Complex Embeddings for Simple Link Prediction", eq. 11.

    Args:
        num_relations: Inverses, where there are any, counted.
        dim: Width of the entity vectors, even; the rank of the literature is half of it.
    """

    def __init__(self, num_relations: int, dim: int) -> None:
        super().__init__(num_relations, dim)
        if dim % 2:
            raise ShapeError(f"dim must be even, not {dim}", where="ComplexScorer")
        self.real = nn.Parameter(torch.ones(max(1, num_relations), dim // 2))
        self.imaginary = nn.Parameter(torch.zeros(max(1, num_relations), dim // 2))

    def project(self, heads: Tensor, relations: Tensor) -> Tensor:
        """``h * w_r`` as complex numbers: its dot product with a tail is the score, ``(B, dim)``."""
        real, imaginary = heads.chunk(2, dim=-1)
        # Not indexing: its slope is sorted and summed with care, which costs more than all the rest.
        w_real, w_imaginary = (functional.embedding(relations, w) for w in (self.real, self.imaginary))
        return torch.cat(
            [
                torch.addcmul(real * w_real, imaginary, w_imaginary, value=-1),
                torch.addcmul(real * w_imaginary, imaginary, w_real),
            ],
            dim=-1,
        )

    def entity_factors(self, vectors: Tensor) -> Tensor:
        """Moduli of the complex coordinates, ``(B, dim / 2)``."""
        return _moduli(*vectors.chunk(2, dim=-1))

    def relation_factors(self, relations: Tensor) -> Tensor:
        """``|w_r|``, ``(B, dim / 2)``."""
        return _moduli(*(functional.embedding(relations, w) for w in (self.real, self.imaginary)))

    def reset(self, scale: float, generator: torch.Generator) -> None:
        """Normal real and imaginary parts of the entities' own scale."""
        with torch.no_grad():
            self.real.normal_(0.0, scale, generator=generator)
            self.imaginary.normal_(0.0, scale, generator=generator)

    def all_relations(self, heads: Tensor, tails: Tensor) -> Tensor:
        """One product: the score is linear in ``w_r``, ``(B, relations)``."""
        real, imaginary = heads.chunk(2, dim=-1)
        t_real, t_imaginary = tails.chunk(2, dim=-1)
        count = self.num_relations
        same = torch.addcmul(real * t_real, imaginary, t_imaginary)
        across = torch.addcmul(real * t_imaginary, imaginary, t_real, value=-1)
        return torch.addmm(same @ self.real[:count].T, across, self.imaginary[:count].T)


def _moduli(real: Tensor, imaginary: Tensor) -> Tensor:
    # Not hypot: its gradient at 0 is not a number.
    return (real.square() + imaginary.square()).clamp_min(1e-30).sqrt()
