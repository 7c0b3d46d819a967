"""Instance discrimination: two views of an item find each other among the views of others."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

__all__ = ["two_view_loss"]


def two_view_loss(first: Tensor, second: Tensor, temperature: float) -> Tensor:
    """NT-Xent over `2 * batch` views, each row `(dim,)` of unit length.

    References:
        Chen et al. 2020, "A simple framework for contrastive learning of visual representations", eq. 1.
    """
    views = torch.cat([first, second])  # (2B, dim)
    similar = views @ views.T / temperature
    similar = similar.masked_fill(torch.eye(len(views), dtype=torch.bool, device=views.device), float("-inf"))
    partner = torch.arange(len(views), device=views.device).roll(len(first))
    return functional.cross_entropy(similar, partner)
