"""Random views of a batch of spectrograms, in tensors, each with its own draw."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

__all__ = ["augment_spectrograms"]


def augment_spectrograms(spectrograms: Tensor, frames: int, *, strength: float) -> Tensor:
    """Rolled, cropped, sped up or down, transposed, louder or softer, masked: `(batch, mels, frames)`.

    Args:
        spectrograms: `(batch, mels, any)`, standardised, so that 0 is the mean that masks write.
        frames: Frames of a crop.
        strength: 1 as tuned; at 0 only roll and crop remain.
    """
    cropped = _cropped(_rolled(spectrograms), frames, strength)
    cropped = cropped + (_spread(cropped, -0.4, 0.4) * strength)[:, None, None]
    for _ in range(2):
        cropped = _masked(cropped, dimension=1, most=0.06 * strength)
        cropped = _masked(cropped, dimension=2, most=0.15 * strength)
    return cropped


def _spread(like: Tensor, low: float, high: float) -> Tensor:
    """`(batch,)` uniform draws."""
    return torch.rand(len(like), device=like.device) * (high - low) + low


def _rolled(spectrograms: Tensor) -> Tensor:
    """Each turned round in time by its own amount."""
    length = spectrograms.shape[2]
    start = (_spread(spectrograms, 0, 1) * length).long()
    index = (torch.arange(length, device=spectrograms.device)[None] + start[:, None]).remainder(length)
    return spectrograms.gather(2, index[:, None].expand_as(spectrograms))


def _cropped(spectrograms: Tensor, frames: int, strength: float) -> Tensor:
    """A stretch of time at up to a fifth more or less speed and a few per cent of pitch up or down."""
    count, mels, length = spectrograms.shape
    part = torch.exp(_spread(spectrograms, -0.2, 0.2) * strength) * min(1.0, frames / length)
    pitch = torch.exp(_spread(spectrograms, -0.06, 0.06) * strength)
    lift = _spread(spectrograms, -0.06, 0.06) * strength
    along = _spread(spectrograms, -1, 1) * (1 - part).clamp(min=0)
    none = torch.zeros_like(part)
    matrix = torch.stack([torch.stack([part, none, along], 1), torch.stack([none, pitch, lift], 1)], 1)
    grid = functional.affine_grid(matrix, [count, 1, mels, frames], align_corners=False)
    sampled = functional.grid_sample(spectrograms[:, None], grid, align_corners=False, padding_mode="border")
    return sampled[:, 0]


def _masked(spectrograms: Tensor, *, dimension: int, most: float) -> Tensor:
    """A band of pitch (1) or time (2) of random width replaced by the mean.

    References:
        Park et al. 2019, "SpecAugment".
    """
    size = spectrograms.shape[dimension]
    centre = _spread(spectrograms, 0, 1) * size
    half = _spread(spectrograms, 0, most) * size
    inside = (torch.arange(size, device=spectrograms.device)[None] - centre[:, None]).abs() < half[:, None]
    return spectrograms.masked_fill(inside[:, :, None] if dimension == 1 else inside[:, None, :], 0.0)
