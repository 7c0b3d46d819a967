"""Steps that touch some rows of an entity table, at the cost of those rows."""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["EPS", "RowStep"]

#: As in `torch.optim.Adagrad`.
EPS = 1e-10


class RowStep:
    """Vectors of the rows that a step reads, and Adagrad on these alone.

    Adagrad leaves a row without a slope as it is, so this is the dense step, without its three passes over the table.

    Args:
        table: ``(entities, dim)``, updated in place.
        squares: Adagrad's sums, ``(entities, dim)``, updated in place.
        learning_rate: Of Adagrad.
    """

    def __init__(self, table: Tensor, squares: Tensor, learning_rate: float) -> None:
        self._table, self._squares, self._rate = table.detach(), squares, learning_rate
        self._read: list[tuple[Tensor, Tensor]] = []

    def rows(self, rows: Tensor) -> Tensor:
        """Vectors, ``(*batch, dim)`` from ``(*batch,)`` int64, whose slopes `step` takes up."""
        flat = rows.reshape(-1)
        leaf = self._table.index_select(0, flat).requires_grad_()
        self._read.append((flat, leaf))
        return leaf.view(*rows.shape, -1)

    def slopes(self) -> tuple[Tensor, Tensor]:
        """Rows that were read since the last step, some twice, and their slopes: ``(n,)``, ``(n, dim)``."""
        read = [(rows, leaf.grad) for rows, leaf in self._read if leaf.grad is not None]
        self._read = []
        return torch.cat([rows for rows, _ in read]), torch.cat([slope for _, slope in read])

    def step(self) -> None:
        """Adagrad, after the losses' backward pass."""
        rows, slopes = self.slopes()
        names, place = torch.unique(rows, return_inverse=True)
        slope = torch.zeros(len(names), slopes.shape[1]).index_add_(0, place, slopes)
        squares = self._squares.index_select(0, names).addcmul_(slope, slope)
        self._squares.index_copy_(0, names, squares)
        weights = self._table.index_select(0, names)
        weights.addcdiv_(slope, squares.sqrt_().add_(EPS), value=-self._rate)
        self._table.index_copy_(0, names, weights)
