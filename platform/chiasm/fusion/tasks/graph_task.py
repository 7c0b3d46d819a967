"""The knowledge graph shapes the space: heads find their tails by relation."""

from __future__ import annotations

from torch import Tensor, nn

from chiasm.fusion.losses import InfoNce
from chiasm_graph import ComplexScorer

__all__ = ["GraphTask"]


class GraphTask(nn.Module):
    """Among the tails of a batch, a head's vector turned by the relation must find its own.

    Half-edges read against their direction have relations of their own, in the upper half.

    Args:
        scorer: Over relations and their inverses.
        loss: With its own temperature.
    """

    def __init__(self, scorer: ComplexScorer, loss: InfoNce) -> None:
        super().__init__()
        self.scorer = scorer
        self.loss = loss

    def forward(
        self, heads: Tensor, relations: Tensor, tails: Tensor, targets: Tensor, ignore: Tensor
    ) -> Tensor:
        """Mean loss, a scalar; ``heads (batch, dim)``, ``relations (batch,)``, the rest as for `InfoNce`."""
        return self.loss(self.scorer.project(heads, relations), tails, targets, ignore)
