"""Items of one entity find each other among those of others, within a modality or between two."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

__all__ = ["same_entity_loss"]


def same_entity_loss(
    rows: Tensor, columns: Tensor, row_entity: Tensor, column_entity: Tensor, temperature: float
) -> Tensor:
    """Mean over rows of how surprising the columns of their own entity are among all columns, a scalar.

    All columns of a row's entity are right at once, so none of them is a false negative. What an entity *is*
    never enters: there is no output for a class, and renumbering the entities changes nothing. Rows without a
    column of their entity are left out; 0 if none has any.

    Args:
        rows: Unit vectors, `(rows, dim)`.
        columns: Unit vectors, `(columns, dim)`; the same tensor as `rows` compares items among themselves,
            each with all but itself.
        row_entity: Entity of each row, `(rows,)` int64.
        column_entity: Entity of each column, `(columns,)` int64.
        temperature: Of the similarities.

    References:
        Khosla et al. 2020, "Supervised contrastive learning", eq. 2 (the sum over positives outside of the
        logarithm); with one positive a row it is InfoNCE (van den Oord et al. 2018).
    """
    if not len(rows) or not len(columns):
        return rows.sum() * 0.0
    logits = rows @ columns.T / temperature
    right = row_entity[:, None] == column_entity[None, :]
    if rows is columns:
        own = torch.eye(len(rows), dtype=torch.bool, device=rows.device)
        # Finite, as minus infinity times a share of 0 is no number.
        logits, right = logits.masked_fill(own, -1e4), right & ~own
    count = right.sum(1)
    surprise = -(functional.log_softmax(logits, dim=1) * right).sum(1) / count.clamp(min=1)
    known = count > 0
    return (surprise * known).sum() / known.sum().clamp(min=1)
