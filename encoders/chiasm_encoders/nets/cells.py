"""What is where in a grid, by one convolution of single pixels and one linear layer."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

__all__ = ["CellFeatures"]


class CellFeatures(nn.Module):
    """Mean activity of each channel in each cell of a raster, made shorter: `(batch, in, h, w)` to `(batch, hidden)`.

    Over edges of the doubled angle (`orientation_channels`) this is a histogram of oriented gradients whose
    orientations are learned; over a spectrogram, a spectrum. A trunk with a mean at its end does not know places.

    Args:
        channels_in: Channels of the grid.
        channels: Of the convolution.
        cells: Rows and columns of the raster.
        hidden: Length of the answer.

    References:
        Dalal and Triggs 2005, "Histograms of oriented gradients", without their block normalisation.
    """

    def __init__(self, channels_in: int, channels: int, cells: tuple[int, int], hidden: int) -> None:
        super().__init__()
        self._cells = cells
        self.point = nn.Conv2d(channels_in, channels, 1)
        self.norm = nn.BatchNorm2d(channels)
        self.shorten = nn.Linear(channels * cells[0] * cells[1], hidden)

    @torch.no_grad()
    def begin_with_orientations(self, cosine: int, sine: int) -> None:
        """Let the first half of the channels begin as orientations, evenly spread over half a turn.

        Args:
            cosine: Channel of the input that holds edge strength times the cosine of the doubled angle.
            sine: Likewise, of the sine.
        """
        half = self.point.out_channels // 2
        angle = 2 * torch.pi * torch.arange(half) / max(1, half)
        self.point.weight[:half] = 0.0
        self.point.weight[:half, cosine, 0, 0] = angle.cos()
        self.point.weight[:half, sine, 0, 0] = angle.sin()
        self.point.bias[:half] = 0.0  # type: ignore[index]  # it has one

    def forward(self, grid: Tensor) -> Tensor:
        """Features `(batch, hidden)`, not yet bent."""
        active = functional.relu(self.point(grid))
        raster = self.norm(functional.adaptive_avg_pool2d(active, self._cells))  # (B, C, rows, columns)
        found: Tensor = self.shorten(raster.flatten(1))
        return found
