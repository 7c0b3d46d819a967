"""Random views of a batch of pictures, in tensors, each picture with its own draw."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

__all__ = ["augment_pictures"]


def augment_pictures(pictures: Tensor, *, strength: float, mirror: float) -> Tensor:
    """Turned, scaled, sheared, shifted, mirrored, recoloured, partly hidden `(batch, 3, size, size)`.

    What comes in from outside the frame has the picture's own border colour.

    Args:
        pictures: `(batch, 3, size, size)` in [0, 1].
        strength: 1 as tuned, 0 leaves the pictures alone but for mirroring.
        mirror: Share of pictures mirrored.
    """
    if not strength and not mirror:
        return pictures
    moved = _moved(pictures, strength, mirror)
    return _hidden(_recoloured(moved, strength), strength).clamp(0, 1)


def _spread(like: Tensor, low: float, high: float) -> Tensor:
    """`(batch,)` uniform draws."""
    return torch.rand(len(like), device=like.device) * (high - low) + low


def _moved(pictures: Tensor, strength: float, mirror: float) -> Tensor:
    angle = _spread(pictures, -0.35, 0.35) * strength
    zoom = torch.exp(_spread(pictures, -0.25, 0.25) * strength)
    aspect = torch.exp(_spread(pictures, -0.15, 0.15) * strength)
    shear = _spread(pictures, -0.15, 0.15) * strength
    across, down = (_spread(pictures, -0.2, 0.2) * strength for _ in range(2))
    sign = torch.where(_spread(pictures, 0, 1) < mirror, -1.0, 1.0)
    cosine, sine = angle.cos() * zoom, angle.sin() * zoom
    first = torch.stack([cosine * aspect * sign, shear - sine, across], 1)
    second = torch.stack([sine * sign, cosine / aspect, down], 1)
    grid = functional.affine_grid(torch.stack([first, second], 1), list(pictures.shape), align_corners=False)
    edge = torch.cat([pictures[:, :, 0], pictures[:, :, -1]], 2).mean(2)[:, :, None, None]  # (B, 3, 1, 1)
    return edge + functional.grid_sample(pictures - edge, grid, align_corners=False)


def _recoloured(pictures: Tensor, strength: float) -> Tensor:
    """Hue turned for half of them, saturation, contrast and brightness for all: one 3x3 matrix a picture."""
    hue = _spread(pictures, -0.5, 0.5) * strength * (_spread(pictures, 0, 1) < 0.5)
    cosine, sine = hue.cos()[:, None, None], hue.sin()[:, None, None]
    eye = torch.eye(3, device=pictures.device)[None]
    grey = torch.full((3, 3), 1 / 3, device=pictures.device)
    cross = torch.tensor([[0.0, -1, 1], [1, 0, -1], [-1, 1, 0]], device=pictures.device) / 3**0.5
    turn = cosine * eye + (1 - cosine) * grey + sine * cross  # rotation about the grey axis
    colourful = (1 + _spread(pictures, -0.5, 0.4) * strength)[:, None, None]
    contrast = (1 + _spread(pictures, -0.25, 0.25) * strength)[:, None, None]
    matrix = (colourful * eye + (1 - colourful) * grey) @ turn * contrast  # (B, 3, 3)
    light = (_spread(pictures, -0.12, 0.12) * strength)[:, None, None, None]
    return torch.einsum("bij,bjhw->bihw", matrix, pictures - 0.5) + 0.5 + light


def _hidden(pictures: Tensor, strength: float) -> Tensor:
    """A rectangle of one random colour over two in five of them (Zhong et al. 2020, random erasing)."""
    size = pictures.shape[-1]
    chosen = (_spread(pictures, 0, 1) < 0.4 * strength)[:, None, None]
    x, y = (_spread(pictures, 0, 1)[:, None, None] for _ in range(2))
    width, height = (_spread(pictures, 0.1, 0.25)[:, None, None] for _ in range(2))
    line = torch.linspace(0, 1, size, device=pictures.device)
    inside = ((line[None, None] - x).abs() < width) & ((line[None, :, None] - y).abs() < height)
    colour = torch.rand(len(pictures), 3, 1, 1, device=pictures.device)
    return torch.where((chosen & inside)[:, None], colour, pictures)
