"""Cross-entropy in which rare classes are heard."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

__all__ = ["balanced_entropy", "class_weights"]


def class_weights(counts: Tensor, power: float = 0.5) -> Tensor:
    """Weight of each class, ``count ** -power`` with mean 1 over what is drawn, ``(classes,)``.

    Power 0 leaves the classes as they are, 1 makes them equal; the root lies between, as rare classes are few
    examples and learned by heart when they weigh as much as frequent ones. A class without an example weighs 0.
    """
    there = counts > 0
    weights = torch.where(there, counts.clamp(min=1).float() ** -power, torch.zeros(()))
    return weights * counts.sum() / (weights * counts).sum().clamp(min=1e-12)


def balanced_entropy(logits: Tensor, targets: Tensor, weights: Tensor) -> Tensor:
    """Weighted mean cross-entropy, a scalar; 0 without rows.

    Args:
        logits: ``(batch, classes)``.
        targets: ``(batch,)``.
        weights: Of classes, ``(classes,)``.
    """
    if not len(logits):
        return logits.sum() * 0.0
    each = functional.cross_entropy(logits.float(), targets, reduction="none")
    return (each * weights[targets]).mean()
