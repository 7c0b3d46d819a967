"""Cross-entropy of the true tail against the others at hand."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

__all__ = ["contrastive_loss"]


def contrastive_loss(
    asked: Tensor, tails: Tensor, true: Tensor, selves: Tensor, scale: Tensor, *, margin: float = 0.0
) -> Tensor:
    r"""InfoNCE with additive margin: ``-log exp(k (c_t - m)) / (exp(k (c_t - m)) + sum_j exp(k c_j))``.

    The tail of query ``i`` is row ``i`` of ``tails``; all other rows are its negatives (those of the batch, those of
    batches before, those drawn), and so is its own head, unless they are true tails themselves.

    Args:
        asked: Unit vectors of queries, ``(B, dim)``.
        tails: Unit vectors of tails, the batch's own first, ``(C, dim)``, ``C >= B``.
        true: Whether a row of ``tails`` is a true tail of the query, ``(B, C)`` bool; the own one may be either.
        selves: Unit vectors of the heads as tails, ``(B, dim)``; a row of zeros where that is a true answer.
        scale: ``k``, a scalar.
        margin: ``m``.

    Returns:
        A scalar, the mean over queries.

    References:
        Wang et al. 2022, "SimKGC: Simple Contrastive Knowledge Graph Completion with Pre-trained Language Models",
        eq. 4 and section 3.3 (in-batch, pre-batch and self negatives).
    """
    count = len(asked)
    own = torch.arange(count, device=asked.device)
    cosines = asked @ tails.T
    lowered = cosines[own, own] - margin
    # Not infinite: a row of nothing else would have no slope.
    cosines = cosines.masked_fill(true, -1e4)
    cosines = cosines.index_put((own, own), lowered)
    itself = (asked * selves).sum(1, keepdim=True)
    itself = itself.masked_fill(~selves.any(1, keepdim=True), -1e4)
    return functional.cross_entropy(scale * torch.cat([cosines, itself], dim=1), own)
