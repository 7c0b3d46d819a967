"""An audio student that was distilled: a small net in ONNX Runtime."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from chiasm_encoders.audio.pooled import encode_windows
from chiasm_encoders.audio.sound_grid import SoundGrid
from chiasm_encoders.audio.windows import Samples
from chiasm_encoders.onnx_session import OnnxSession
from chiasm_encoders.protocol import Vectors

__all__ = ["OnnxAudioEncoder"]

#: Windows that go through the net at once.
_BATCH = 16


class OnnxAudioEncoder:
    """Sounds to vectors in the space of the teacher that it was distilled from.

    A sound is cut into windows of the length that the student was taught with, a shorter one is repeated up to it, and
    the vector is the mean of theirs.

    Args:
        folder: With `model.onnx`.
        config: The content of its `config.json`.
        fingerprint: Over its files.
    """

    modality = "audio"

    def __init__(self, folder: Path, config: Mapping[str, Any], fingerprint: str) -> None:
        self.fingerprint = fingerprint
        self.dim = int(config["dim"])
        #: Fingerprint of the teacher.
        self.teacher = str(config["teacher"])
        self.parameters = int(config["parameters"])
        self._grid = SoundGrid(**config["input"])
        self._session = OnnxSession((folder / "model.onnx").read_bytes(), str(folder))

    def encode(self, batch: Sequence[Any], /) -> Vectors:
        """Unit vectors of the sounds, `(batch, dim)`."""
        return encode_windows(
            batch,
            self._forward,
            sample_rate_hz=self._grid.sample_rate_hz,
            window=self._grid.samples,
            step=self._grid.samples,
            dim=self.dim,
            at_once=_BATCH,
        )

    def _forward(self, windows: list[Samples]) -> Vectors:
        return self._session.run({"grid": self._grid.grid(self._grid.kept(windows)).numpy()})
