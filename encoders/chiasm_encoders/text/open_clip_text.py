"""The text tower of an open_clip model."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from chiasm_encoders.device import batch_dtype, resolve_device
from chiasm_encoders.errors import EncoderInputError
from chiasm_encoders.open_clip_model import OpenClipModel, load_open_clip
from chiasm_encoders.protocol import Vectors, empty_vectors, normalised

__all__ = ["OpenClipTextEncoder", "load_open_clip_text"]


def load_open_clip_text(what: str, device: str) -> OpenClipTextEncoder:
    """The text tower that the part of a spec behind its family names."""
    return OpenClipTextEncoder(load_open_clip(what), device=device)


class OpenClipTextEncoder:
    """Texts to vectors by a pretrained text tower, in bf16 where that multiplies in hardware.

    The tower pads every text to its context length, so nothing is gained by sorting.

    Args:
        clip: The loaded towers.
        device: Where the tower shall run.
    """

    modality = "text"
    _BATCH = 128

    def __init__(self, clip: OpenClipModel, *, device: str = "auto") -> None:
        self._device = resolve_device(device)
        # Both towers share one file: the stamp is the same, the modality tells them apart.
        self.fingerprint = clip.fingerprint
        self._tokenizer = clip.tokenizer
        self._model = clip.model.to(self._device, batch_dtype(self._device))
        self.dim: int = self._forward(["a"]).shape[1]

    def encode(self, batch: Sequence[Any], /) -> Vectors:
        """Unit vectors of the texts, `(batch, dim)`."""
        for item in batch:
            if not isinstance(item, str):
                raise EncoderInputError(f"a text encoder takes str, not {type(item).__name__}")
        starts = range(0, len(batch), self._BATCH)
        pieces = [self._forward(list(batch[start : start + self._BATCH])) for start in starts]
        return normalised(np.concatenate(pieces)) if pieces else empty_vectors(self.dim)

    @torch.inference_mode()
    def _forward(self, texts: list[str]) -> Vectors:
        tokens = self._tokenizer(texts).to(self._device)
        vectors: Vectors = self._model.encode_text(tokens).float().cpu().numpy()
        return vectors
