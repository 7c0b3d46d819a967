"""InfoNCE against the hardest negatives alone."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from chiasm.fusion.losses.info_nce import InfoNce

__all__ = ["Hardest"]


class Hardest(nn.Module):
    """Each row must find its column among the ``hardest`` most similar wrong ones, of batch and memory.

    Easy negatives are most of a batch and give next to no gradient. The columns nearest to a row are mined anew
    at every step, so nothing goes stale; the nearest of all are often unlabelled matches, so ``skip`` of them
    are left out.

    References:
        Robinson et al. 2021, "Contrastive learning with hard negative samples"; Xiong et al. 2021 (ANCE);
        Qu et al. 2021 (RocketQA: top negatives are often false).

    Args:
        hardest: Negatives a row.
        skip: Most similar wrong columns that are left out.
        prefixes: As for `InfoNce`; here only the full length is mined, and judged.
        temperature: At the start.
    """

    def __init__(self, hardest: int, skip: int, temperature: float, prefixes: Sequence[int] = ()) -> None:
        super().__init__()
        self.hardest = hardest
        self.skip = skip
        self.loss = InfoNce(prefixes, temperature)

    def forward(self, rows: Tensor, columns: Tensor, targets: Tensor, ignore: Tensor) -> Tensor:
        """Mean loss, a scalar; arguments as for `InfoNce`, and ``columns`` may be more than there are rows."""
        if not len(rows):
            return rows.sum() * 0.0
        at = torch.arange(len(rows), device=rows.device)
        with torch.no_grad():
            wrong = (rows @ columns.T).float().masked_fill(ignore, -2.0)
            wrong[at, targets] = -2.0
            most = min(self.skip + self.hardest, columns.shape[0] - 1)
            best = wrong.topk(max(most, 0), dim=1).indices
            kept = torch.zeros_like(ignore)
            kept[at[:, None], best[:, min(self.skip, max(most - 1, 0)) :]] = True
        return self.loss(rows, columns, targets, ignore | ~kept)
