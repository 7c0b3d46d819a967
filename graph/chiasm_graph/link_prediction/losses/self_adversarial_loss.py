"""Sampled negatives, the harder the heavier."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional

__all__ = ["self_adversarial_loss"]


def self_adversarial_loss(
    positive: Tensor, negative: Tensor, *, margin: float = 9.0, temperature: float = 1.0
) -> Tensor:
    r"""``-log sigma(m + s_t) - sum_i p_i log sigma(-m - s_i)``, ``p = softmax(a s)`` held fixed; half of its mean.

    Args:
        positive: Score of each triple, ``(T,)``.
        negative: Scores with other tails, ``(T, negatives)``.
        margin: ``m``, for scores that are negative distances; 0 for products.
        temperature: ``a``; 0 weighs all negatives alike.

    Returns:
        A scalar.

    References:
        Sun et al. 2019, "RotatE: Knowledge Graph Embedding by Relational Rotation in Complex Space", eq. 5-6.
    """
    weights = (temperature * negative.detach()).softmax(1)
    loss = functional.softplus(-margin - positive) + (weights * functional.softplus(margin + negative)).sum(1)
    return loss.mean() / 2
