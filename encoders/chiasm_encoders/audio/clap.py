"""The audio tower of CLAP, through transformers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from chiasm_encoders.audio.pooled import encode_windows
from chiasm_encoders.audio.windows import Samples
from chiasm_encoders.device import batch_dtype, resolve_device
from chiasm_encoders.errors import WeightsError
from chiasm_encoders.fingerprint import fingerprint_of
from chiasm_encoders.protocol import Vectors
from chiasm_encoders.weights import model_folder

__all__ = ["ClapAudioEncoder", "load_clap"]


def load_clap(what: str, device: str) -> ClapAudioEncoder:
    """The audio tower at a path or hub name."""
    folder = model_folder(what)
    from transformers import ClapFeatureExtractor, ClapModel  # after the check: it takes seconds to import

    try:
        model = ClapModel.from_pretrained(
            folder, use_safetensors=True, local_files_only=True, dtype=torch.float32
        )
        extractor = ClapFeatureExtractor.from_pretrained(folder, local_files_only=True)
    except (OSError, ValueError, KeyError, RuntimeError) as error:
        raise WeightsError(f"not a CLAP model: {error}", where=what) from error
    return ClapAudioEncoder(model, extractor, device=device)


class ClapAudioEncoder:
    """Sounds to vectors by a pretrained CLAP.

    A sound longer than the model's window (10 s) is cut and its vectors averaged, where the reference crops
    at random: the same sound must always give the same vector.

    Args:
        model: A `ClapModel` in float32 on the CPU.
        extractor: Its `ClapFeatureExtractor`.
        device: Where it shall run.
    """

    modality = "audio"
    _BATCH = 16

    def __init__(self, model: Any, extractor: Any, *, device: str = "auto") -> None:
        self._device = resolve_device(device)
        self._dtype = batch_dtype(self._device)
        config = {"class": "clap", "model": model.config.to_dict(), "extractor": extractor.to_dict()}
        self.fingerprint = fingerprint_of(config, model.state_dict())
        self._model = model.eval().requires_grad_(False).to(self._device, self._dtype)
        self._extractor = extractor
        self._rate = int(extractor.sampling_rate)
        self._window = int(extractor.nb_max_samples)
        self.dim = int(model.config.projection_dim)

    def encode(self, batch: Sequence[Any], /) -> Vectors:
        """Unit vectors of the sounds, `(batch, dim)`."""
        return encode_windows(
            batch,
            self._forward,
            sample_rate_hz=self._rate,
            window=self._window,
            step=self._rate // 2,
            dim=self.dim,
            at_once=self._BATCH,
        )

    @torch.inference_mode()
    def _forward(self, windows: list[Samples]) -> Vectors:
        inputs = self._extractor(
            [np.asarray(window, np.float64) for window in windows],
            sampling_rate=self._rate,
            return_tensors="pt",
        )
        # The extractor flags one random clip of a batch as longer; none is, so none may be treated so.
        longer = torch.zeros(len(windows), 1, dtype=torch.bool, device=self._device)
        features = inputs["input_features"].to(self._device, self._dtype)
        answer = self._model.get_audio_features(input_features=features, is_longer=longer)
        vectors: Vectors = answer.pooler_output.float().cpu().numpy()
        return vectors
