"""A small residual trunk for pictures and spectrograms."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

__all__ = ["ResidualBlock", "ResidualTrunk"]


class ResidualBlock(nn.Module):
    """Two 3x3 convolutions beside a shortcut; `(batch, in, h, w)` to `(batch, out, h / stride, w / stride)`.

    The shortcut pools before its 1x1 convolution instead of skipping pixels, and the last scale starts at
    zero so that the block begins as its shortcut.

    Args:
        channels_in: Channels of the input.
        channels_out: Channels of the output.
        stride: Pixels that the first convolution steps.
        activation: After each convolution; has no weights.

    References:
        He et al. 2019, "Bag of tricks for image classification", ResNet-D and zero gamma.
    """

    def __init__(
        self, channels_in: int, channels_out: int, stride: int, activation: type[nn.Module] = nn.SiLU
    ) -> None:
        super().__init__()
        self.activation = activation()
        self.first = nn.Conv2d(channels_in, channels_out, 3, stride, 1, bias=False)
        self.first_norm = nn.BatchNorm2d(channels_out)
        self.second = nn.Conv2d(channels_out, channels_out, 3, 1, 1, bias=False)
        self.second_norm = nn.BatchNorm2d(channels_out)
        nn.init.zeros_(self.second_norm.weight)
        pool = nn.AvgPool2d(stride, ceil_mode=True, count_include_pad=False) if stride > 1 else nn.Identity()
        same = stride == 1 and channels_in == channels_out
        self.shortcut: nn.Module = (
            nn.Identity()
            if same
            else nn.Sequential(
                pool, nn.Conv2d(channels_in, channels_out, 1, bias=False), nn.BatchNorm2d(channels_out)
            )
        )

    def forward(self, x: Tensor) -> Tensor:
        """Feature grid `(batch, out, h / stride, w / stride)`."""
        inner = self.activation(self.first_norm(self.first(x)))
        found: Tensor = self.activation(self.shortcut(x) + self.second_norm(self.second(inner)))
        return found


class ResidualTrunk(nn.Module):
    """Stem of one strided convolution, then one block a width, halving the grid from the second on.

    Args:
        channels_in: Channels of the input.
        widths: Channels after each block.
        stem_stride: Pixels that the stem steps; 4 for pictures of 64 pixels, 2 for spectrograms.
        activation: After each convolution. ReLU where weights shall have 8 bits: it is part of the convolution there.
    """

    def __init__(
        self,
        channels_in: int,
        widths: Sequence[int],
        stem_stride: int,
        activation: type[nn.Module] = nn.SiLU,
    ) -> None:
        super().__init__()
        kernel = stem_stride if stem_stride > 2 else 3
        self.stem = nn.Sequential(
            nn.Conv2d(
                channels_in, widths[0], kernel, stem_stride, (kernel - stem_stride + 1) // 2, bias=False
            ),
            nn.BatchNorm2d(widths[0]),
            activation(),
        )
        befores = [widths[0], *widths[:-1]]
        self.blocks = nn.Sequential(
            *(
                ResidualBlock(before, after, 1 if depth == 0 else 2, activation)
                for depth, (before, after) in enumerate(zip(befores, widths, strict=True))
            )
        )
        self.channels = widths[-1]

    def forward(self, x: Tensor) -> Tensor:
        """Feature grid `(batch, widths[-1], rows, columns)`."""
        grid: Tensor = self.blocks(self.stem(x.contiguous(memory_format=torch.channels_last)))
        return grid
