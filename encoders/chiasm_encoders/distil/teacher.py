"""A teacher that cannot learn: whatever is done to it, it answers in eval mode and without gradients."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar

import numpy as np
import torch
from torch import nn

from chiasm_encoders.errors import SupervisionError
from chiasm_encoders.protocol import Encoder, Vectors

__all__ = ["FrozenTeacher"]

Self = TypeVar("Self", bound=nn.Module)


class FrozenTeacher(nn.Module):
    """An encoder as a part of a task that is being trained.

    As a child of a module it would follow that module's `train()` and `requires_grad_()`, and a teacher with dropout
    says something else each time. Both are refused here, and where somebody reaches into its layers it is set right
    before it answers.

    Args:
        encoder: Of any modality.

    References:
        open_clip, `task/distill_task.py`: the same guard by an overridden `train`.
    """

    def __init__(self, encoder: Encoder) -> None:
        super().__init__()
        self.encoder = encoder
        self.dim = encoder.dim
        held = [part for part in vars(encoder).values() if isinstance(part, nn.Module)]
        self.parts = nn.ModuleList(held)
        self._settle()

    def train(self: Self, mode: bool = True) -> Self:
        """Stay in eval mode."""
        super().train(False)
        return self

    def requires_grad_(self: Self, requires_grad: bool = True) -> Self:
        """Stay without gradients.

        Raises:
            SupervisionError: They are asked for.
        """
        if requires_grad:
            raise SupervisionError("a teacher does not learn", remedy="train the student instead")
        return super().requires_grad_(False)

    @property
    def parameter_count(self) -> int:
        """Numbers that it was trained to."""
        return sum(parameter.numel() for parameter in self.parameters())

    def forward(self, items: Sequence[Any]) -> Vectors:
        """Unit vectors of items, `(items, dim)`."""
        self._settle()
        with torch.no_grad():
            return np.asarray(self.encoder.encode(items), np.float32)

    def _settle(self) -> None:
        super().train(False)
        super().requires_grad_(False)
