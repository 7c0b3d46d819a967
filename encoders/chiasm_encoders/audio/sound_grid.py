"""Sounds as the grid that a distilled student sees."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from chiasm_encoders.audio.log_mel import LogMel
from chiasm_encoders.audio.windows import Samples

__all__ = ["SoundGrid"]

#: Bands of pitch and samples between windows for short clips and for longer ones, and the seconds between the two.
_WORDS, _NOISES = (32, 400), (64, 320)
_WORD_S, _MOST_S = 2.0, 5.0
#: Mean and deviation of log energies of ordinary recordings, so that a net's input is near the standard normal.
_CENTRE, _SCALE = -8.0, 4.0


class SoundGrid:
    """From windows of sound to spectrograms, which are small enough to keep, and from these to a net's input.

    Args:
        sample_rate_hz: Of the windows.
        clip_s: Length of a window.
        mels: Bands of pitch.
        window: Samples in a Hann window.
        hop: Samples between frames.
    """

    #: Of the net's input.
    channels = 1

    def __init__(self, *, sample_rate_hz: int, clip_s: float, mels: int, window: int, hop: int) -> None:
        self._settings = {
            "sample_rate_hz": sample_rate_hz,
            "clip_s": clip_s,
            "mels": mels,
            "window": window,
            "hop": hop,
        }
        self.sample_rate_hz = sample_rate_hz
        #: Samples of a window.
        self.samples = round(clip_s * sample_rate_hz)
        self._log_mel = LogMel(sample_rate_hz, mels=mels, window=window, hop=hop)

    @classmethod
    def of_lengths(cls, lengths_s: Sequence[float], sample_rate_hz: int) -> SoundGrid:
        """The grid for recordings of some lengths: nine in ten fit whole.

        Short ones, which are words, are seen more coarsely, as by `AudioStudentConfig.mels`.

        Args:
            lengths_s: Of recordings, at least one.
            sample_rate_hz: What they are resampled to.
        """
        usual_s = float(np.quantile(lengths_s, 0.9))
        mels, hop = _WORDS if np.median(lengths_s) < _WORD_S else _NOISES
        clip_s = round(min(_MOST_S, max(1.0, usual_s)), 3)
        return cls(sample_rate_hz=sample_rate_hz, clip_s=clip_s, mels=mels, window=1024, hop=hop)

    def kept(self, windows: Sequence[Samples]) -> npt.NDArray[np.float16]:
        """Spectrograms `(batch, mels, frames)` of windows of one length; a log energy needs three digits."""
        waves = torch.from_numpy(np.stack(windows).astype(np.float32))
        return np.asarray(((self._log_mel(waves) - _CENTRE) / _SCALE).half().numpy())

    def grid(self, kept: npt.NDArray[Any]) -> Tensor:
        """What a net takes of spectrograms, `(batch, 1, mels, frames)`."""
        return torch.from_numpy(np.ascontiguousarray(kept)).float()[:, None]

    def settings(self) -> dict[str, Any]:
        """Arguments that make it again."""
        return dict(self._settings)
