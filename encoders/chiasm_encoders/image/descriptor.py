"""Fixed descriptors of shape and colour, standardised on the training pictures."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from chiasm_encoders.image.orientation import orientation_histogram
from chiasm_encoders.image.preprocess import area_resize

__all__ = ["DetailProjection", "ShapeColourDescriptor", "colour_histogram", "detail_features"]

#: Weight of each family in the descriptor: fine shape, coarse shape, thumbnail, colours.
_WEIGHTS = (0.7, 0.5, 0.3, 0.3)
_COLOUR_LEVELS = 5


def colour_histogram(pictures: Tensor, levels: int = _COLOUR_LEVELS) -> Tensor:
    """Square root of the share of each of `levels ** 3` colours, `(batch, levels ** 3)`."""
    steps = (area_resize(pictures, 32) * (levels - 1)).round().long()
    index = (steps[:, 0] * levels + steps[:, 1]) * levels + steps[:, 2]
    counts = torch.zeros(len(pictures), levels**3, device=pictures.device)
    ones = torch.ones(len(pictures), index[0].numel() if len(index) else 0, device=pictures.device)
    counts.scatter_add_(1, index.flatten(1), ones)
    return (counts / counts.sum(1, keepdim=True).clamp(min=1)).sqrt()


def detail_features(pictures: Tensor) -> Tensor:
    """Outline insensitive to contrast and colour, `(batch, 512)`."""
    return orientation_histogram(pictures, 8, power=0.25)


class ShapeColourDescriptor(nn.Module):
    """What kernel regression sees of a picture: `(batch, 3, 64, 64)` to `(batch, width)`.

    Each family is centred and scaled to the same spread on the training pictures before it is weighted.
    """

    centre: Tensor
    scale: Tensor
    width = 512 + 128 + 432 + _COLOUR_LEVELS**3

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("centre", torch.zeros(self.width))
        self.register_buffer("scale", torch.ones(self.width))

    @torch.no_grad()
    def fit(self, pictures: Tensor) -> Tensor:
        """Learns centre and scale; returns the descriptors of these pictures, `(items, width)`."""
        families = self._families(pictures)
        self.centre.copy_(torch.cat(families, 1).mean(0))
        scales = []
        for family, weight in zip(families, _WEIGHTS, strict=True):
            spread = (family - family.mean(0)).norm(dim=1).mean().clamp(min=1e-6)
            scales.append((weight / spread).expand(family.shape[1]))
        self.scale.copy_(torch.cat(scales))
        return (torch.cat(families, 1) - self.centre) * self.scale

    def forward(self, pictures: Tensor) -> Tensor:
        """Descriptors `(batch, width)`."""
        return (torch.cat(self._families(pictures), 1) - self.centre) * self.scale

    def _families(self, pictures: Tensor) -> list[Tensor]:
        return [
            orientation_histogram(pictures, 8),
            orientation_histogram(pictures, 4),
            area_resize(pictures, 12).flatten(1),
            colour_histogram(pictures),
        ]


class DetailProjection(nn.Module):
    """Principal axes of the outline plus a faint colour thumbnail: the part that tells two look-alikes apart.

    Args:
        dim: Length of the part.
        colour_weight: Length of the thumbnail against an outline of length 1.
    """

    centre: Tensor
    axes: Tensor

    def __init__(self, dim: int, colour_weight: float) -> None:
        super().__init__()
        self._colour_weight = colour_weight
        self._outline = dim - 48
        self.register_buffer("centre", torch.zeros(512 + 48))
        self.register_buffer("axes", torch.zeros(512, self._outline))

    @torch.no_grad()
    def fit(self, pictures: Tensor) -> None:
        """Learns the axes; where pictures are fewer than axes, fixed ones orthogonal to the rest fill up."""
        outline, colour = self._raw(pictures)
        self.centre.copy_(torch.cat([outline, colour], 1).mean(0))
        generator = torch.Generator().manual_seed(0)
        filler = torch.randn(512, 512, generator=generator, dtype=torch.float64).to(outline.device) * 1e-6
        centred = (outline - outline.mean(0)).double()
        _, _, axes = torch.linalg.svd(torch.cat([centred, filler]), full_matrices=False)
        # The sign of a singular vector is arbitrary; fixing it keeps two runs on two machines alike.
        top = axes[: self._outline]
        sign = top.gather(1, top.abs().argmax(1, keepdim=True)).sign()
        self.axes.copy_((top * sign).T.float())

    def forward(self, pictures: Tensor) -> Tensor:
        """Unit vectors `(batch, dim)`."""
        outline, colour = self._raw(pictures)
        shape = functional.normalize((outline - self.centre[:512]) @ self.axes, dim=1)
        paint = functional.normalize(colour - self.centre[512:], dim=1) * self._colour_weight
        return functional.normalize(torch.cat([shape, paint], 1), dim=1)

    def _raw(self, pictures: Tensor) -> tuple[Tensor, Tensor]:
        return detail_features(pictures), area_resize(pictures, 4).flatten(1)
