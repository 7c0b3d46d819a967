"""A table of token vectors, and nothing else: a query costs a look-up and a mean."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

__all__ = ["StaticTextStudent", "token_mean"]


class StaticTextStudent(nn.Module):
    """Mean of token vectors, widened to the teacher's length.

    How much a token counts is the length of its vector, which training changes: frequent ones shrink.

    Args:
        vocabulary: Tokens.
        width: Length of a token's vector.
        dim: Length of the teacher's vectors.

    References:
        van Dongen and Tulkens 2024, "Model2Vec"; Arora et al. 2017, "A simple but tough-to-beat baseline for
        sentence embeddings" (weights), which are learned here.
    """

    def __init__(self, vocabulary: int, width: int, dim: int) -> None:
        super().__init__()
        self.table = nn.Embedding(vocabulary, width)
        self.widen = nn.Linear(width, dim)

    @torch.no_grad()
    def begin(self, told: Tensor) -> None:
        """Begin with what the teacher says of each token alone, `(vocabulary, dim)`, in its main directions."""
        centre = told.mean(0)
        _, _, axes = torch.linalg.svd(told - centre, full_matrices=False)
        kept = axes[: self.table.embedding_dim]
        self.table.weight.zero_()
        self.table.weight[:, : len(kept)] = (told - centre) @ kept.T
        self.widen.weight.zero_()
        self.widen.weight[:, : len(kept)] = kept.T
        self.widen.bias.copy_(centre)

    def forward(self, ids: Tensor, mask: Tensor) -> Tensor:
        """Unit vectors `(batch, dim)` of tokens `(batch, tokens)`, padding where the mask is false."""
        return functional.normalize(self.widen(token_mean(self.table(ids), mask)), dim=-1)


def token_mean(x: Tensor, mask: Tensor) -> Tensor:
    """Mean over the tokens that are there, `(batch, dim)`."""
    kept = mask[..., None].to(x.dtype)
    return (x * kept).sum(1) / kept.sum(1).clamp(min=1.0)  # (B, T, D) -> (B, D)
