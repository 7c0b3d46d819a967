"""What is hidden must follow from the rest."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

__all__ = ["MaskedTask"]


class MaskedTask(nn.Module):
    """Predict the mean feature of a hidden modality from the fused vector; loss ``1 - cosine``.

    Args:
        heads: Modality to a linear map from ``dim`` to that modality's width.
    """

    def __init__(self, heads: nn.ModuleDict) -> None:
        super().__init__()
        self.heads = heads

    def forward(self, fused: Tensor, hidden: Mapping[str, tuple[Tensor, Tensor]]) -> Tensor:
        """Mean loss, a scalar.

        Args:
            fused: ``(batch, dim)``.
            hidden: Modality to rows of ``fused``, ``(n,)``, and the features hidden from them, ``(n,
                dim_kind)``.
        """
        losses = [fused.sum(dim=-1)[:0]]
        for modality, (rows, features) in hidden.items():
            guessed = cast(Tensor, self.heads[modality](fused[rows]))
            losses.append(1 - functional.cosine_similarity(guessed, features, dim=-1))
        joined = torch.cat(losses)
        return joined.mean() if len(joined) else fused.sum() * 0.0
