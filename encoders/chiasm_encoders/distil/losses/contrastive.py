"""Each item finds its own teacher vector among those of the batch."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

__all__ = ["contrastive_loss"]


def contrastive_loss(student: Tensor, teacher: Tensor, temperature: float) -> Tensor:
    """InfoNCE from student to teacher and back; both `(batch, dim)` with unit rows.

    References:
        Yang et al. 2024, "CLIP-KD", section 3.4 (interactive contrastive learning).
    """
    logits = student @ teacher.T / temperature
    right = torch.arange(len(logits), device=logits.device)
    return (functional.cross_entropy(logits, right) + functional.cross_entropy(logits.T, right)) / 2
