"""Symmetric InfoNCE on nested prefixes of the vectors."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

__all__ = ["InfoNce"]


class InfoNce(nn.Module):
    """Row *i* must find column ``targets[i]`` among all columns, and the column its row.

    The temperature is learned; each prefix of the vectors is normalised and judged by itself, so that the
    leading dimensions work alone.

    References:
        van den Oord et al. 2018; Radford et al. 2021 (learned temperature); Kusupati et al. 2022 (prefixes).

    Args:
        prefixes: Lengths beside the full one.
        temperature: At the start.
    """

    def __init__(self, prefixes: Sequence[int], temperature: float) -> None:
        super().__init__()
        self.prefixes = tuple(prefixes)
        self.log_scale = nn.Parameter(torch.tensor(-float(torch.log(torch.tensor(temperature)))))

    def forward(self, rows: Tensor, columns: Tensor, targets: Tensor, ignore: Tensor) -> Tensor:
        """Mean loss, a scalar.

        Args:
            rows: Unit vectors, ``(rows, dim)``.
            columns: Unit vectors, ``(columns, dim)``.
            targets: Column that belongs to each row, no column twice, ``(rows,)``.
            ignore: False negatives, ``(rows, columns)`` bool; the targets themselves are never ignored.
        """
        if not len(rows):
            return rows.sum() * 0.0
        scale = self.log_scale.clamp(max=4.6).exp()  # at most 100
        at = torch.arange(len(rows), device=rows.device)
        hidden = ignore.clone()
        hidden[at, targets] = False
        losses = []
        for length in (*self.prefixes, rows.shape[-1]):
            cosines = (
                functional.normalize(rows[:, :length], dim=-1)
                @ functional.normalize(columns[:, :length], dim=-1).T
            )
            logits = (scale * cosines).masked_fill(hidden, -1e4)
            forward = functional.cross_entropy(logits, targets)
            backward = functional.cross_entropy(logits[:, targets].T, at)
            losses.append((forward + backward) / 2)
        return torch.stack(losses).mean()
