"""Agreement with how alike the teachers find the items of a batch."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional

__all__ = ["relational_loss"]


def relational_loss(student: Tensor, teachers: Sequence[Tensor], temperature: float) -> Tensor:
    """Divergence of the student's distribution over the other items from the mean of the teachers'.

    Only likenesses are compared, so teachers of other dimensions can take part.

    Args:
        student: `(batch, dim)`, unit rows.
        teachers: Each `(batch, its dim)`, unit rows.
        temperature: Of all similarities.

    References:
        Park et al. 2019, "Relational knowledge distillation"; Fang et al. 2021 (SEED) for distributions instead of
        distances.
    """
    own = torch.eye(len(student), dtype=torch.bool, device=student.device)
    with torch.no_grad():
        spread = [functional.softmax((t @ t.T / temperature).masked_fill(own, -1e4), dim=1) for t in teachers]
        wanted = torch.stack(spread).mean(0)
    found = functional.log_softmax((student @ student.T / temperature).masked_fill(own, -1e4), dim=1)
    return functional.kl_div(found, wanted, reduction="batchmean")
