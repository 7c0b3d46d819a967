"""The image tower of an open_clip model."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from PIL import Image

from chiasm_encoders.device import batch_dtype, resolve_device
from chiasm_encoders.image.preprocess import checked_picture
from chiasm_encoders.open_clip_model import OpenClipModel, load_open_clip
from chiasm_encoders.protocol import Vectors, empty_vectors, normalised

__all__ = ["OpenClipImageEncoder", "load_open_clip_image"]

#: Pixels that go through the tower at once: 64 pictures of 224 x 224.
_MAX_PIXELS = 64 * 224 * 224


def load_open_clip_image(what: str, device: str) -> OpenClipImageEncoder:
    """The image tower that the part of a spec behind its family names."""
    return OpenClipImageEncoder(load_open_clip(what), device=device)


class OpenClipImageEncoder:
    """Pictures to vectors by a pretrained image tower, in bf16 where that multiplies in hardware.

    Args:
        clip: The loaded towers.
        device: Where the tower shall run.
    """

    modality = "image"

    def __init__(self, clip: OpenClipModel, *, device: str = "auto") -> None:
        self._device = resolve_device(device)
        self._dtype = batch_dtype(self._device)
        self.fingerprint = clip.fingerprint
        self._preprocess = clip.preprocess
        self._model = clip.model.to(self._device, self._dtype)
        probe = self._forward([np.zeros((8, 8, 3), np.uint8)])
        self.dim: int = probe.shape[1]

    def encode(self, batch: Sequence[Any], /) -> Vectors:
        """Unit vectors of the pictures, `(batch, dim)`."""
        pictures = [checked_picture(picture) for picture in batch]
        size = self._size()
        count = max(1, _MAX_PIXELS // (size * size))
        pieces = [self._forward(pictures[start : start + count]) for start in range(0, len(pictures), count)]
        return normalised(np.concatenate(pieces)) if pieces else empty_vectors(self.dim)

    def _size(self) -> int:
        size = getattr(self._model.visual, "image_size", 224)
        return int(max(size) if isinstance(size, tuple | list) else size)

    @torch.inference_mode()
    def _forward(self, pictures: list[np.ndarray]) -> Vectors:
        tensors = torch.stack([self._preprocess(Image.fromarray(picture)) for picture in pictures])
        answer = self._model.encode_image(tensors.to(self._device, self._dtype))
        vectors: Vectors = answer.float().cpu().numpy()
        return vectors
