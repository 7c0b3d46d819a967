"""Attributes and relations as supervised targets."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import torch
from torch import Tensor, nn

from chiasm.fusion.losses import balanced_entropy

__all__ = ["LabelTask"]


class LabelTask(nn.Module):
    """One linear head a target on the fused vector; the loss is the mean over targets.

    Args:
        heads: Of each target, ``dim`` to its classes.
        weights: Of the classes of each target, ``(classes,)``.
    """

    def __init__(self, heads: nn.ModuleList, weights: Sequence[Tensor]) -> None:
        super().__init__()
        self.heads = heads
        for number, weight in enumerate(weights):
            self.register_buffer(f"weights_{number}", weight, persistent=False)

    def forward(self, fused: Sequence[Tensor], codes: Tensor) -> Tensor:
        """Mean loss over targets of which a row knows the class, a scalar.

        Args:
            fused: For each target the vectors it is read from, ``(batch, dim)``.
            codes: Class of each row, -1 for unknown, ``(targets, batch)``.
        """
        losses = []
        for number, vectors in enumerate(fused):
            known = codes[number] >= 0
            if bool(known.any()):
                weights = cast(Tensor, getattr(self, f"weights_{number}"))
                logits = self.logits(number, vectors[known])
                losses.append(balanced_entropy(logits, codes[number][known], weights))
        return torch.stack(losses).mean() if losses else fused[0].sum() * 0.0

    def logits(self, target: int, fused: Tensor) -> Tensor:
        """Logits of a target's classes, ``(batch, classes)``."""
        # Fused vectors have unit length: unscaled, a head could not become sure within a few epochs.
        return 10.0 * cast(Tensor, self.heads[target](fused))
