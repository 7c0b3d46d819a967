"""An audio student that was distilled: a small net in ONNX Runtime."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from chiasm_encoders.audio.pooled import encode_windows
from chiasm_encoders.audio.sound_grid import SoundGrid
from chiasm_encoders.audio.windows import Samples
from chiasm_encoders.onnx_student import OnnxStudent
from chiasm_encoders.protocol import Vectors

__all__ = ["OnnxAudioEncoder"]

#: Windows that go through the net at once.
_BATCH = 16


class OnnxAudioEncoder(OnnxStudent):
    """Sounds to vectors in the space of the teacher that it was distilled from.

    A sound is cut into windows of the length that the student was taught with, a shorter one is repeated up to it, and
    the vector is the mean of theirs.

    Arguments are those of `OnnxStudent`.
    """

    modality = "audio"

    def __init__(self, folder: Path, config: Mapping[str, Any], fingerprint: str) -> None:
        super().__init__(folder, config, fingerprint)
        self._grid = SoundGrid(**config["input"])

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
