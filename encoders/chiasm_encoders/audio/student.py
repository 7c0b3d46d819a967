"""The distilled audio encoder: a residual trunk on log-mel spectrograms."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from chiasm_encoders.audio.log_mel import LogMel
from chiasm_encoders.audio.pooled import encode_windows
from chiasm_encoders.audio.windows import Samples
from chiasm_encoders.device import mixed_precision, resolve_device
from chiasm_encoders.fingerprint import fingerprint_of
from chiasm_encoders.nets.heads import PartHeads, Parts
from chiasm_encoders.nets.trunk import build_trunk
from chiasm_encoders.protocol import Vectors

__all__ = ["AudioStudent", "AudioStudentEncoder", "build_audio_student"]


class AudioStudent(nn.Module):
    """Vector `(batch, dim)` = text, graph, instance and pair part, each scaled by its weight.

    Args:
        log_mel: Waveforms to spectrograms.
        trunk: `(batch, 1, mels, frames)` to a feature grid.
        heads: Parts from pooled features.
        weights: Weight of the parts "text", "graph", "instance", "pair".
    """

    centre: Tensor
    scale: Tensor

    def __init__(
        self, log_mel: LogMel, trunk: nn.Module, heads: PartHeads, *, weights: Mapping[str, float]
    ) -> None:
        super().__init__()
        self.log_mel = log_mel
        self.trunk = trunk
        self.heads = heads
        self._weights = dict(weights)
        self.register_buffer("centre", torch.zeros(()))
        self.register_buffer("scale", torch.ones(()))

    def standardised(self, samples: Tensor) -> Tensor:
        """Spectrograms `(batch, mels, frames)` with mean 0 and deviation 1 over the training clips."""
        grid: Tensor = self.log_mel(samples)
        return (grid - self.centre) / self.scale

    def learned(self, spectrograms: Tensor) -> Parts:
        """Parts for standardised spectrograms `(batch, mels, frames)`: mean over pitch, pooled over time."""
        with mixed_precision(spectrograms.device, training=self.training):
            grid = self.trunk(spectrograms[:, None])
        over_time = grid.float().mean(2)  # (B, C, mels, frames) -> (B, C, frames)
        return self.heads(torch.cat([over_time.mean(2), over_time.amax(2)], 1))

    def forward(self, samples: Tensor) -> Tensor:
        """Vectors `(batch, dim)`, not yet normalised, for waveforms `(batch, samples)` of one length."""
        parts = self.learned(self.standardised(samples))
        # Students from before there were pairs have no weight of theirs, nor columns.
        return torch.cat([part * self._weights.get(name, 1.0) for name, part in parts._asdict().items()], 1)


def build_audio_student(config: Mapping[str, Any]) -> AudioStudent:
    """An untrained student of the shape that its `config.json` describes."""
    trunk, channels = build_trunk(
        config["trunk"], channels_in=1, widths=config["widths"], stem_stride=config["stem_stride"]
    )
    heads = PartHeads(
        2 * channels,
        text_dim=config["text_dim"],
        graph_dim=config["graph_dim"],
        labels=config["labels"],
        instance_dim=config["instance_dim"],
        pair_dim=config.get("pair_dim", 0),
        dropout=config["dropout"],
    )
    log_mel = LogMel(
        config["sample_rate_hz"], mels=config["mels"], window=config["window"], hop=config["hop"]
    )
    return AudioStudent(log_mel, trunk, heads, weights=config["weights"])


class AudioStudentEncoder:
    """Sounds to vectors by a trained student.

    A sound is cut into windows as long as a training clip (a shorter one is repeated up to a second at
    least); its vector is the mean of theirs, so a recording of minutes costs no more memory than one of
    seconds.

    Args:
        config: The content of its `config.json`.
        model: The student with its weights.
        device: Where it shall run.
    """

    modality = "audio"
    _BATCH = 16

    def __init__(self, config: Mapping[str, Any], model: AudioStudent, *, device: str = "auto") -> None:
        self._device = resolve_device(device)
        self.fingerprint = fingerprint_of(config, model.state_dict())
        model.eval().requires_grad_(False)
        self._model = model.to(self._device).to(memory_format=torch.channels_last)
        self._rate = int(config["sample_rate_hz"])
        self._window = round(config["clip_s"] * self._rate)
        #: Columns `(start, stop)` of each part of a vector.
        self.parts: dict[str, tuple[int, int]] = {name: (a, b) for name, (a, b) in config["parts"].items()}
        self.dim = max(stop for _, stop in self.parts.values())

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
        samples = torch.from_numpy(np.stack(windows).astype(np.float32)).to(self._device)
        vectors: Vectors = self._model(samples).float().cpu().numpy()
        return vectors
