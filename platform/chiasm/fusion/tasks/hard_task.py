"""Views against their hardest negatives, some of them from steps past."""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn

from chiasm.fusion.losses import Hardest

__all__ = ["HardTask"]


class HardTask(nn.Module):
    """The nearest wrong entities of the batch and of a memory.

    The memory is a ring of entities' vectors as they were when their batch passed: a batch of a few hundred is
    then judged among thousands, at the price of a product of matrices. It is a buffer, so a run that
    resumes has the same.

    References:
        Wang et al. 2020, "Cross-batch memory for embedding learning" (features drift slowly).

    Args:
        loss: What is asked of the mined columns.
        dim: Of the vectors.
        memory: Entities remembered; 0 for none.
    """

    def __init__(self, loss: Hardest, dim: int, memory: int) -> None:
        super().__init__()
        self.loss = loss
        self.register_buffer("past", torch.zeros(memory, dim))
        self.register_buffer("past_ids", torch.full((memory,), -1))
        self.register_buffer("place", torch.zeros((), dtype=torch.int64))

    def forward(
        self, rows: Tensor, columns: Tensor, targets: Tensor, ignore: Tensor, ids: Tensor, sources: Tensor
    ) -> Tensor:
        """Mean loss, a scalar; the columns are remembered while training.

        Args:
            rows: Queries, ``(rows, dim)``.
            columns: Entities, ``(columns, dim)``.
            targets: As for `InfoNce`.
            ignore: Likewise.
            ids: Entity of each column, ``(columns,)``.
            sources: Entity that each row's query describes, ``(rows,)``.
        """
        past, past_ids = cast(Tensor, self.past), cast(Tensor, self.past_ids)
        # What is there now is overwritten below, and the gradient still needs it.
        older, older_ids = past.clone().to(columns.dtype), past_ids.clone()
        same = (older_ids[None, :] < 0) | (older_ids[None, :] == sources[:, None])
        same |= older_ids[None, :] == ids[targets][:, None]
        everything = torch.cat([columns, older])
        loss: Tensor = self.loss(rows, everything, targets, torch.cat([ignore, same], dim=1))
        if self.training and len(past):
            self._remember(columns.detach(), ids)
        return loss

    @torch.no_grad()
    def _remember(self, columns: Tensor, ids: Tensor) -> None:
        past, past_ids = cast(Tensor, self.past), cast(Tensor, self.past_ids)
        place = cast(Tensor, self.place)
        most = min(len(columns), len(past))
        at = (torch.arange(most, device=columns.device) + place) % len(past)
        past[at] = columns[:most].to(past.dtype)
        past_ids[at] = ids[:most]
        place.copy_((place + most) % len(past))
