"""An entity read twice, under noise, must stay where it is."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional

__all__ = ["ConsistencyTask"]


class ConsistencyTask(nn.Module):
    """``1 - cosine`` of two readings of one entity that differ in dropout and noise.

    It needs no label and no pair, so domains with neither are trained too. Both readings are followed: unit
    vectors that views keep apart cannot collapse.

    References:
        Laine and Aila 2017, "Temporal ensembling for semi-supervised learning" (the Pi model).
    """

    def forward(self, once: Tensor, again: Tensor) -> Tensor:
        """Mean loss, a scalar; both ``(batch, dim)``."""
        if not len(once):
            return once.sum() * 0.0
        return (1 - functional.cosine_similarity(once, again, dim=-1)).mean()
