"""One-vs-all steps over a whole entity table in bfloat16, without a graph of the table's operations.

What a composed step spends its time on is memory: three dense slopes of the table, made, zeroed and added up at each
step, cost more than its products. Here the table's slope is one product into a buffer that stays, rows are added to
it, and Adagrad goes through the table once, some rows at a time, so that what it reads stays near the processor.
"""

from __future__ import annotations

from typing import Any, cast

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from chiasm_graph.link_prediction.row_step import EPS, RowStep

__all__ = ["TableStep", "has_bf16"]

#: Numbers of a stretch of the table that is updated at a time, 512 KiB.
_STRETCH = 1 << 17


def has_bf16() -> bool:
    """Whether this processor multiplies bfloat16."""
    return torch.cpu._is_avx512_bf16_supported()


class TableStep(RowStep):
    """Losses over an entity table whose slope is kept by hand, and its Adagrad step.

    Weights and sums of squares are in single precision, the table's slope and the factors of products in bfloat16.

    Args:
        table: ``(entities, dim)``, updated in place.
        squares: Adagrad's sums, ``(entities, dim)``, updated in place.
        learning_rate: Of Adagrad.
    """

    def __init__(self, table: Tensor, squares: Tensor, learning_rate: float) -> None:
        super().__init__(table, squares, learning_rate)
        self.low = self._table.bfloat16()
        self.slope = torch.empty_like(self.low)
        self._kept: dict[str, Tensor] = {}

    def kept(self, name: str, rows: int, dtype: torch.dtype) -> Tensor:
        """Room for ``(rows, entities)`` numbers that the next step uses again; large pieces are dear to come by."""
        numbers = rows * len(self._table)
        if name not in self._kept or self._kept[name].numel() < numbers:
            self._kept[name] = torch.empty(numbers, dtype=dtype)
        return self._kept[name][:numbers].view(rows, len(self._table))

    def one_vs_all(self, projected: Tensor, owners: Tensor, tails: Tensor, smoothing: float) -> Tensor:
        """`one_vs_all_loss` of ``projected @ table.T``, a scalar; once a step."""
        return cast(Tensor, _TableLoss.apply(projected, self, owners, tails, smoothing))

    def step(self) -> None:
        """Adagrad, after the losses' backward pass."""
        rows, slopes = self.slopes()
        self.slope.index_add_(0, rows, slopes.bfloat16())
        size = max(1, _STRETCH // self._table.shape[1])
        parts = (torch.split(each, size) for each in (self._table, self._squares, self.slope, self.low))
        for weights, squares, slope, low in zip(*parts, strict=True):
            step = slope.float()
            squares.addcmul_(step, step)
            weights.addcdiv_(step, squares.sqrt().add_(EPS), value=-self._rate)
            low.copy_(weights)


class _TableLoss(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, projected: Tensor, table: TableStep, owners: Tensor, tails: Tensor, smoothing: float
    ) -> Tensor:
        asked, count = projected.bfloat16(), len(projected)
        low, logs = (
            table.kept(name, count, kind) for name, kind in (("low", torch.bfloat16), ("high", torch.float32))
        )
        logs.copy_(torch.mm(asked, table.low.T, out=low))
        torch.log_softmax(logs, dim=1, out=logs)
        loss = -(1 - smoothing) * logs[owners, tails].mean()
        if smoothing:
            loss = loss - smoothing * logs.mean(1)[owners].mean()
        share = torch.bincount(owners, minlength=count).float().unsqueeze(1) / len(owners)
        slope = logs.exp_().mul_(share)
        if smoothing:
            slope.sub_(share * smoothing / slope.shape[1])
        slope[owners, tails] -= (1 - smoothing) / len(owners)
        ctx.save_for_backward(asked)
        ctx.table, ctx.slope = table, low.copy_(slope)
        return loss

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None, None, None]:
        [asked] = ctx.saved_tensors
        table, slope = ctx.table, ctx.slope
        # Laid out anew: the product reads rows of entities, and is twice as slow across them.
        turned = table.kept("turned", len(asked), torch.bfloat16).view(slope.shape[1], -1).copy_(slope.T)
        torch.mm(turned, asked.mul(gradient), out=table.slope)
        return (slope @ table.low).float().mul_(gradient), None, None, None, None
