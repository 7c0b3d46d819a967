"""Entities of different domains share one space: nothing but their meaning shall tell them apart."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from chiasm.fusion.losses import Adversarial, coral, mmd

__all__ = ["DomainTask"]


class DomainTask(nn.Module):
    """Bring the domains' distributions of fused vectors together.

    Args:
        adversary: Tells domains apart and is fooled by a reversed gradient; None takes a distance instead.
        distance: "coral" or "mmd", of each domain to the rest; read where there is no adversary.
    """

    def __init__(self, adversary: Adversarial | None, distance: str = "coral") -> None:
        super().__init__()
        self.adversary = adversary
        self.distance = {"coral": coral, "mmd": mmd}[distance]

    def forward(self, fused: Tensor, domains: Tensor, strength: float) -> Tensor:
        """The loss, a scalar; 0 where all rows are of one domain.

        Args:
            fused: ``(batch, dim)``.
            domains: Number of each row's domain, ``(batch,)``.
            strength: Of the reversed gradient, or of the distance.
        """
        there = torch.unique(domains)
        if len(there) < 2:
            return fused.sum() * 0.0
        if self.adversary is not None:
            loss: Tensor = self.adversary(fused, domains, strength)
            return loss
        each = [self.distance(fused[domains == one], fused[domains != one]) for one in there]
        return strength * torch.stack(each).mean()
