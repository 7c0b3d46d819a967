"""Agreement with the text teacher over a bank of entities."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

__all__ = ["teacher_distribution", "text_bank_loss"]


def teacher_distribution(text: Tensor, bank: Tensor, temperature: float) -> Tensor:
    """How the teacher spreads texts `(batch, dim)` over a bank `(bank, dim)`: `(batch, bank)`.

    "Grinning face" and "beaming face" are no negatives of each other; a one-hot target would say they are.
    """
    return functional.softmax(text @ bank.T / temperature, dim=1)


def text_bank_loss(student: Tensor, bank: Tensor, wanted: Tensor, told: Tensor, temperature: float) -> Tensor:
    """Cross-entropy of the student's distribution over the bank against the teacher's, mean over told items.

    Args:
        student: Text parts `(batch, dim)`, unit rows.
        bank: `(bank, dim)`, unit rows.
        wanted: `(batch, bank)`.
        told: `(batch,)` 1 where the item's entity has text, else 0.
        temperature: Of the student's similarities.

    References:
        Zhai et al. 2022 (LiT: locked text tower); Fang et al. 2021 (SEED: a teacher's distribution over a
        queue).
    """
    log_share = functional.log_softmax(student @ bank.T / temperature, dim=1)
    per_item = -(wanted * log_share).sum(1)
    return (per_item * told).sum() / torch.clamp(told.sum(), min=1.0)
