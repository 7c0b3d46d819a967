"""Prediction of the graph nodes that an item's entity is linked to."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

__all__ = ["graph_label_loss"]


def graph_label_loss(logits: Tensor, shares: Tensor) -> Tensor:
    """Cross-entropy of a softmax over nodes against the entity's own, mean over items that have any.

    A softmax over shares, rather than one sigmoid a node, keeps hundreds of rare nodes from being drowned by
    their absences (Mahajan et al. 2018, weak supervision with hashtags).

    Args:
        logits: `(batch, labels)`.
        shares: `(batch, labels)`; a row sums to one, or to zero when nothing is known.
    """
    known = (shares.sum(1) > 0).float()
    per_item = -(shares * functional.log_softmax(logits, dim=1)).sum(1)
    return (per_item * known).sum() / torch.clamp(known.sum(), min=1.0)
