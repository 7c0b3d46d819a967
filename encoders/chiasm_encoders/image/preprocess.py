"""Decoded pictures to tensors of one size."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional

from chiasm_encoders.errors import EncoderInputError

__all__ = ["area_resize", "checked_picture", "picture_tensor", "square_picture"]


def checked_picture(picture: Any) -> npt.NDArray[np.uint8]:
    """The picture, if it is `uint8 (height, width, 3)` and not empty.

    Raises:
        EncoderInputError: it is not.
    """
    if (
        not isinstance(picture, np.ndarray)
        or picture.dtype != np.uint8
        or picture.ndim != 3
        or picture.shape[2] != 3
        or not picture.size
    ):
        shape = getattr(picture, "shape", type(picture).__name__)
        raise EncoderInputError(f"an image encoder takes uint8 (height, width, 3), not {shape}")
    return picture


def square_picture(picture: npt.NDArray[np.uint8], size: int) -> npt.NDArray[np.uint8]:
    """The whole picture inside a `(size, size, 3)` square, padded with the median colour of its border.

    Nothing is cropped, as in a catalogue the subject may reach the edge; every place that stores or encodes
    pictures for a student calls this, so that a query sees what training saw.
    """
    height, width = picture.shape[:2]
    scale = size / max(height, width)
    inner = (max(1, round(width * scale)), max(1, round(height * scale)))
    resized = picture
    if inner != (width, height):
        method = Image.Resampling.BOX if scale < 1 else Image.Resampling.BILINEAR
        resized = np.asarray(Image.fromarray(picture).resize(inner, method))
    if inner == (size, size):
        return np.ascontiguousarray(resized)
    border = np.concatenate([resized[0], resized[-1], resized[:, 0], resized[:, -1]])
    square = np.empty((size, size, 3), np.uint8)
    square[:] = np.median(border, axis=0).astype(np.uint8)
    top, left = (size - inner[1]) // 2, (size - inner[0]) // 2
    square[top : top + inner[1], left : left + inner[0]] = resized
    return square


def picture_tensor(pictures: npt.NDArray[np.uint8]) -> Tensor:
    """`(batch, size, size, 3)` uint8 to `(batch, 3, size, size)` float in [0, 1]."""
    return torch.from_numpy(np.ascontiguousarray(pictures)).permute(0, 3, 1, 2).float().div_(255.0)


def area_resize(pictures: Tensor, size: int) -> Tensor:
    """`(batch, 3, h, w)` to `(batch, 3, size, size)`, averaging whole pixels when it shrinks."""
    if pictures.shape[-1] == size and pictures.shape[-2] == size:
        return pictures
    if pictures.shape[-1] >= size:
        return functional.interpolate(pictures, size=(size, size), mode="area")
    return functional.interpolate(pictures, size=(size, size), mode="bilinear", align_corners=False)
