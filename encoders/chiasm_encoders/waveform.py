"""Decoded sound: samples and their rate."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from chiasm_encoders.errors import EncoderInputError

__all__ = ["Waveform"]


@dataclass(frozen=True, eq=False)
class Waveform:
    """One mono recording.

    Args:
        samples: `(samples,)`, float32, nominally within [-1, 1].
        sample_rate_hz: Samples in a second.

    Raises:
        EncoderInputError: not mono, empty, not finite, or a rate that is not positive.
    """

    samples: npt.NDArray[np.float32]
    sample_rate_hz: int

    def __post_init__(self) -> None:
        if self.samples.ndim != 1 or not len(self.samples):
            raise EncoderInputError(
                f"a waveform has shape (samples,) with at least one sample, not {self.samples.shape}",
                remedy="average the channels and skip empty recordings",
            )
        if self.sample_rate_hz <= 0:
            raise EncoderInputError(f"a sample rate is positive, not {self.sample_rate_hz}")
        if not np.isfinite(self.samples).all():
            raise EncoderInputError("samples must be finite", remedy="decode the file again or leave it out")

    @property
    def duration_s(self) -> float:
        """Length in seconds."""
        return len(self.samples) / self.sample_rate_hz

    def resampled(self, sample_rate_hz: int) -> Waveform:
        """The same sound at another rate (soxr, high quality); itself when the rate is already right."""
        if sample_rate_hz == self.sample_rate_hz:
            return self
        import soxr

        samples = soxr.resample(np.asarray(self.samples, np.float32), self.sample_rate_hz, sample_rate_hz)
        if not len(samples):  # a recording shorter than one sample of the new rate
            samples = self.samples[:1]
        return Waveform(np.asarray(samples, np.float32), sample_rate_hz)
