"""Views of pictures that a teacher is asked about."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from chiasm_encoders.distil.image_augment import augment_pictures
from chiasm_encoders.image.preprocess import picture_tensor

__all__ = ["picture_views"]

#: Share of views; what the teacher thinks of that, it says.
_MIRRORED = 0.5


def picture_views(
    squares: npt.NDArray[np.uint8], views: int, *, augment: float, mixed: float, seed: int
) -> npt.NDArray[np.uint8]:
    """Each picture as it is and in further views, `(views * pictures, size, size, 3)`, all of one view together.

    Args:
        squares: `(pictures, size, size, 3)`.
        views: Of each, itself among them.
        augment: Strength of the augmentation.
        mixed: Share of further views that another picture shines through or has a part of.
        seed: Of all draws.

    References:
        Beyer et al. 2022, "Knowledge distillation: a good teacher is patient and consistent": teacher and student see
        one view, and mixtures ask the teacher between its pictures too; Yun et al. 2019, "CutMix", with a line for the
        rectangle.
    """
    whole = picture_tensor(squares)
    found = [squares]
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        for _ in range(views - 1):
            view = augment_pictures(whole, strength=augment, mirror=_MIRRORED)
            view = torch.where(_draw(view) < mixed, _mixed(view), view)
            found.append(view.mul_(255).round_().byte().permute(0, 2, 3, 1).numpy())
    return np.concatenate(found)


def _mixed(view: Tensor) -> Tensor:
    """Each beside another: one shines through it, or has the place beyond a line across the picture."""
    other = view[torch.randperm(len(view))]
    share = 0.5 + 0.5 * _draw(view)
    line = torch.linspace(-1, 1, view.shape[-1])
    angle = 2 * torch.pi * _draw(view)
    beyond = (angle.cos() * line + angle.sin() * line[:, None] > 0.6 * _draw(view) - 0.3).float()
    share = torch.where(_draw(view) < 0.5, share, 1 - beyond)
    return share * view + (1 - share) * other


def _draw(like: Tensor) -> Tensor:
    """`(batch, 1, 1, 1)` uniform draws."""
    return torch.rand(len(like), 1, 1, 1)
