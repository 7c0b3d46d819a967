"""Each entity judged by itself: a tail of the query or not."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional

__all__ = ["k_vs_all_loss"]


def k_vs_all_loss(scores: Tensor, owners: Tensor, tails: Tensor, smoothing: float = 0.0) -> Tensor:
    r"""Mean binary cross-entropy over queries and entities, targets ``(1 - e) y + e / N``.

    Args:
        scores: Scores of all entities for each query, ``(B, N)``.
        owners: Query of each true tail, ``(T,)`` int64.
        tails: True tails, ``(T,)`` int64.
        smoothing: ``e`` above.

    Returns:
        A scalar.

    References:
        Dettmers et al. 2018, "Convolutional 2D Knowledge Graph Embeddings", eq. 2 (1-N scoring).
    """
    own = scores[owners, tails]
    # softplus(s) - y s, summed without a matrix of targets.
    total = functional.softplus(scores).sum() - (1 - smoothing) * own.sum()
    if smoothing:
        total = total - smoothing / scores.shape[1] * scores.sum()
    return total / scores.numel()
