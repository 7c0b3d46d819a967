"""Cross-entropy of the true tail against all entities."""

from __future__ import annotations

from typing import Any, cast

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

__all__ = ["one_vs_all_loss"]


def one_vs_all_loss(scores: Tensor, owners: Tensor, tails: Tensor, smoothing: float = 0.0) -> Tensor:
    r"""``mean over triples of logsumexp_j s_qj - (1 - e) s_qt - e mean_j s_qj``.

    Triples of one query share its row: the gradient is that of one row a triple, for the product of one row
    a query. In FB15k-237 that is a quarter of the rows.

    Args:
        scores: Scores of all entities for each query, ``(B, N)``; overwritten.
        owners: Query of each triple, ``(T,)`` int64.
        tails: Tail of each triple, no pair of query and tail twice, ``(T,)`` int64.
        smoothing: Share of the target that goes to all entities alike.

    Returns:
        A scalar.

    References:
        Lacroix et al. 2018, "Canonical Tensor Decomposition for Knowledge Base Completion", eq. 6.
    """
    return cast(Tensor, _OneVsAll.apply(scores, owners, tails, smoothing))


class _OneVsAll(torch.autograd.Function):
    # One pass for the softmax, in place, and no copy of (B, N) for the gradient: memory traffic, not the product, is what
    # the composed operators spend their time on.
    @staticmethod
    def forward(ctx: Any, scores: Tensor, owners: Tensor, tails: Tensor, smoothing: float) -> Tensor:
        own = scores[owners, tails]
        top = scores.amax(1, keepdim=True)
        loss = -(1 - smoothing) * own
        if smoothing:
            loss = loss - smoothing * scores.mean(1)[owners]
        chances = scores.detach().sub_(top).exp_()
        total = chances.sum(1, keepdim=True)
        loss = loss + (top + total.log()).squeeze(1)[owners]
        ctx.save_for_backward(owners, tails)
        ctx.chances, ctx.total, ctx.smoothing = chances, total, smoothing
        return loss.mean()

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None, None]:
        owners, tails = ctx.saved_tensors
        chances, share = ctx.chances, gradient / len(owners)
        count = torch.bincount(owners, minlength=len(chances)).to(chances.dtype).unsqueeze(1)
        slope = chances.mul_(share * count / ctx.total)
        if ctx.smoothing:
            slope.sub_(share * ctx.smoothing * count / chances.shape[1])
        slope[owners, tails] -= share * (1 - ctx.smoothing)
        ctx.chances = None
        return slope, None, None, None
