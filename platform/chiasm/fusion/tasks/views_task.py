"""Two views of one entity must agree."""

from __future__ import annotations

from torch import Tensor, nn

from chiasm.fusion.losses import InfoNce

__all__ = ["ViewsTask"]


class ViewsTask(nn.Module):
    """Symmetric InfoNCE between views: a query-like part of an entity and the rest of it.

    Args:
        loss: With its own temperature.
    """

    def __init__(self, loss: InfoNce) -> None:
        super().__init__()
        self.loss = loss

    def forward(self, queries: Tensor, entities: Tensor, targets: Tensor, ignore: Tensor) -> Tensor:
        """Arguments as for `InfoNce`."""
        return self.loss(queries, entities, targets, ignore)
