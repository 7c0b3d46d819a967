"""Domains that a classifier cannot tell apart: its gradient is turned round."""

from __future__ import annotations

from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn import functional

__all__ = ["Adversarial", "reverse_gradient"]


class _Reversed(torch.autograd.Function):
    @staticmethod
    def forward(context: Any, values: Tensor, strength: float) -> Tensor:
        context.strength = strength
        return values.view_as(values)

    @staticmethod
    def backward(context: Any, gradient: Tensor) -> tuple[Tensor, None]:
        return gradient.neg() * context.strength, None


def reverse_gradient(values: Tensor, strength: float = 1.0) -> Tensor:
    """The same values; what flows back through them is multiplied by ``-strength``."""
    return cast(Tensor, _Reversed.apply(values, strength))


class Adversarial(nn.Module):
    """Cross-entropy of telling domains apart, of which the features get the opposite.

    The classifier learns at full strength whatever the strength of the reversal, so that it is worth fooling
    when the reversal is switched on.

    References:
        Ganin et al. 2016, "Domain-adversarial training of neural networks", section 4.2.

    Args:
        classifier: ``(batch, dim)`` to logits ``(batch, domains)``.
    """

    def __init__(self, classifier: nn.Module) -> None:
        super().__init__()
        self.classifier = classifier

    def forward(self, features: Tensor, domains: Tensor, strength: float) -> Tensor:
        """Mean loss over domains, each weighing the same, a scalar.

        Args:
            features: ``(batch, dim)``.
            domains: Number of each row's domain, ``(batch,)``.
            strength: Of the reversal, ``lambda``.
        """
        if not len(features):
            return features.sum() * 0.0
        logits = self.classifier(reverse_gradient(features, strength))
        counts = torch.bincount(domains, minlength=logits.shape[-1]).clamp(min=1)
        each = functional.cross_entropy(logits.float(), domains, reduction="none")
        weights = 1.0 / counts[domains].float()
        return (each * weights).sum() / weights.sum()
