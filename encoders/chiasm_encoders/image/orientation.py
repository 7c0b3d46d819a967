"""Local contrast and orientation: what a net need not learn from a thousand pictures."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

__all__ = ["gradients", "orientation_channels", "orientation_histogram"]

_LUMA = (0.299, 0.587, 0.114)


def gradients(pictures: Tensor) -> tuple[Tensor, Tensor]:
    """Horizontal and vertical differences of the brightness, each `(batch, 1, h, w)`, zero at the edge."""
    weights = torch.tensor(_LUMA, device=pictures.device, dtype=pictures.dtype)[:, None, None]
    grey = (pictures * weights).sum(1, keepdim=True)
    dx = functional.pad(grey[:, :, :, 2:] - grey[:, :, :, :-2], (1, 1, 0, 0))
    dy = functional.pad(grey[:, :, 2:] - grey[:, :, :-2], (0, 0, 1, 1))
    return dx, dy


def orientation_channels(pictures: Tensor) -> Tensor:
    """Colour plus edge strength and doubled-angle orientation, `(batch, 6, h, w)`.

    The angle is doubled so that both sides of a line agree, and the strength enters by its square root so
    that a faint outline still counts. On 1,331 drawings a trunk fed with these reaches in 60 epochs a loss
    that colour alone does not reach in 200.
    """
    dx, dy = gradients(pictures)
    strength2 = dx.square() + dy.square() + 1e-6
    root = strength2.pow(0.25)
    cosine, sine = (dx.square() - dy.square()) / strength2, 2 * dx * dy / strength2
    return torch.cat([pictures * 2 - 1, root, root * cosine, root * sine], 1)


def orientation_histogram(pictures: Tensor, cells: int, *, bins: int = 8, power: float = 0.5) -> Tensor:
    """Share of each orientation in each cell, `(batch, bins * cells * cells)`.

    Args:
        pictures: `(batch, 3, h, w)`.
        cells: Cells along a side.
        bins: Orientations out of half a turn, with linear interpolation between neighbours.
        power: Exponent of the edge strength. At 0.25 a pale and a dark skin drawn alike get nearly one
        histogram.

    References:
        Dalal & Triggs 2005, "Histograms of oriented gradients"; without their block normalisation, which the
        small exponent replaces.
    """
    dx, dy = gradients(pictures)
    strength = (dx.square() + dy.square() + 1e-8).sqrt()
    angle = torch.atan2(dy, dx).remainder(torch.pi) / torch.pi * bins
    bin_index = torch.arange(bins, device=pictures.device)[None, :, None, None]
    offset = (angle - bin_index + bins / 2).remainder(bins) - bins / 2
    votes = (1 - offset.abs()).clamp(min=0) * strength.pow(power)  # (batch, bins, h, w)
    return functional.adaptive_avg_pool2d(votes, cells).flatten(1)
