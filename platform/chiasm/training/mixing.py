"""One loss of many: weights, their schedules, and factors that are learned."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

import torch
from torch import Tensor, nn

from chiasm.fusion.recipe import Recipe
from chiasm.fusion.schedules import scheduled

__all__ = ["TaskMixer"]


class TaskMixer(nn.Module):
    """The weighted sum of a batch's losses.

    With ``balance: uncertainty`` each task has a learned variance ``s`` and gives ``exp(-s) L + s``: a loud task is
    turned down until its share is about that of the others.

    References:
        Kendall, Gal and Cipolla 2018, "Multi-task learning using uncertainty to weigh losses", eq. 10.

    Args:
        recipe: Weights, schedules, balance.
        names: Tasks that may come.
    """

    def __init__(self, recipe: Recipe, names: list[str]) -> None:
        super().__init__()
        self.weights = vars(recipe.tasks)
        self.schedules = dict(recipe.mixing.schedules)
        learned = recipe.mixing.balance == "uncertainty"
        self.variances = nn.ParameterDict(
            {name: nn.Parameter(torch.zeros(())) for name in names} if learned else {}
        )

    def forward(self, losses: Mapping[str, Tensor], done: float) -> Tensor:
        """The sum, a scalar.

        Args:
            losses: By task.
            done: Share of the run that is over.
        """
        parts = []
        for name, loss in losses.items():
            weight = scheduled(self.schedules.get(name, "constant"), self.weights[name], done)
            if name in self.variances:
                variance = cast(Tensor, self.variances[name])
                parts.append(weight * (torch.exp(-variance) * loss.float() + variance))
            else:
                parts.append(weight * loss.float())
        return torch.stack(parts).sum()
