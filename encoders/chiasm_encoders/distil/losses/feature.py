"""Agreement with the teacher's own vectors."""

from __future__ import annotations

from torch import Tensor

__all__ = ["feature_loss"]


def feature_loss(student: Tensor, teacher: Tensor) -> Tensor:
    """Mean of one minus the cosine; both `(batch, dim)` with unit rows.

    References:
        Yang et al. 2024, "CLIP-KD", section 3.2 (feature distillation; of unit rows the squared error is twice this).
    """
    return (1 - (student * teacher).sum(1)).mean()
