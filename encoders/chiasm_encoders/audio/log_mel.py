"""Log-mel spectrograms."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

__all__ = ["LogMel"]


class LogMel(nn.Module):
    """Waveforms `(batch, samples)` to natural-log mel energies `(batch, mels, frames)`.

    Frames are centred, so `frames = samples // hop + 1`.

    Args:
        sample_rate_hz: Rate of the waveforms.
        mels: Triangular bands, equally wide on the mel scale (O'Shaughnessy), each of area one.
        window: Samples in a Hann window.
        hop: Samples between frames.
        low_hz: Lower edge of the first band; the last ends at half the sample rate.
    """

    bands: Tensor
    window: Tensor

    def __init__(
        self, sample_rate_hz: int, *, mels: int, window: int, hop: int, low_hz: float = 40.0
    ) -> None:
        super().__init__()
        self._hop = hop
        top = _to_mel(sample_rate_hz / 2)
        edges = _to_hz(np.linspace(_to_mel(low_hz), top, mels + 2))
        bins = np.arange(window // 2 + 1) * sample_rate_hz / window
        rise = (bins[None] - edges[:-2, None]) / (edges[1:-1] - edges[:-2])[:, None]
        fall = (edges[2:, None] - bins[None]) / (edges[2:] - edges[1:-1])[:, None]
        bands = np.maximum(0, np.minimum(rise, fall))
        bands /= np.maximum(bands.sum(1, keepdims=True), 1e-9)
        # Both follow from the configuration, so they are not weights.
        self.register_buffer("bands", torch.from_numpy(bands).float(), persistent=False)
        self.register_buffer("window", torch.hann_window(window), persistent=False)

    @torch.no_grad()
    def forward(self, samples: Tensor) -> Tensor:
        """Log energies `(batch, mels, frames)`."""
        spectrum = torch.stft(
            samples, len(self.window), self._hop, window=self.window, pad_mode="constant", return_complex=True
        )
        power = spectrum.real.square() + spectrum.imag.square()  # (batch, bins, frames)
        return torch.log(self.bands @ power + 1e-6)


def _to_mel(hz: float) -> float:
    return float(2595 * np.log10(1 + hz / 700))


def _to_hz(mel: np.ndarray) -> np.ndarray:
    return np.asarray(700 * (10 ** (mel / 2595) - 1))
