"""Views of sounds that a teacher is asked about."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn import functional

__all__ = ["sound_views"]

#: Points of frequency between which the loudness of a view is drawn.
_BANDS = 8


def sound_views(
    waves: npt.NDArray[np.float32], views: int, *, augment: float, mixed: float, seed: int
) -> npt.NDArray[np.float32]:
    """Each sound as it is and in further views, `(views * sounds, samples)`, all of one view together.

    A view is turned round in time, up to a fifth faster or slower, louder or softer as a whole and by pitch, has some
    noise, and may be mixed with another sound's.

    Args:
        waves: `(sounds, samples)` of one length.
        views: Of each, itself among them.
        augment: Strength of the changes, 1 as tuned.
        mixed: Share of further views that are mixed.
        seed: Of all draws.

    References:
        Beyer et al. 2022, "Knowledge distillation: a good teacher is patient and consistent".
    """
    whole = torch.from_numpy(np.ascontiguousarray(waves, np.float32))
    found = [whole]
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        for _ in range(views - 1):
            view = _coloured(_moved(whole, augment), augment)
            other = view[torch.randperm(len(view))]
            share = 0.5 + 0.5 * torch.rand(len(view), 1)
            share = torch.where(torch.rand(len(view), 1) < mixed, share, 1.0)
            # Powers add up, not amplitudes: two sounds are independent.
            found.append((share.sqrt() * view + (1 - share).sqrt() * other).clamp(-1, 1))
    return np.asarray(torch.cat(found).numpy(), np.float32)


def _spread(like: Tensor, low: float, high: float) -> Tensor:
    """`(batch, 1)` uniform draws."""
    return torch.rand(len(like), 1) * (high - low) + low


def _moved(waves: Tensor, strength: float) -> Tensor:
    """Each from another moment on, round its end, and at another speed."""
    samples = waves.shape[1]
    speed = torch.exp(_spread(waves, -0.2, 0.2) * strength)
    start = _spread(waves, 0, 1) * samples
    place = (start + torch.arange(samples)[None] * speed).remainder(samples)
    before = place.long().clamp(max=samples - 1)
    share = place - before
    return waves.gather(1, before) * (1 - share) + waves.gather(1, (before + 1).remainder(samples)) * share


def _coloured(waves: Tensor, strength: float) -> Tensor:
    """Louder or softer, as a whole and by pitch, with noise at a tenth of the loudness at most."""
    spectrum = torch.fft.rfft(waves)
    decibel = torch.randn(len(waves), 1, _BANDS) * 4 * strength
    curve = functional.interpolate(decibel, spectrum.shape[1], mode="linear", align_corners=True)[:, 0]
    gain = torch.exp(_spread(waves, -1.0, 0.7) * strength) * 10 ** (curve / 20)
    changed = torch.fft.irfft(spectrum * gain, n=waves.shape[1])
    noise = 0.1 * _spread(waves, 0, 1).square() * strength * changed.std(dim=1, keepdim=True)
    return changed + noise * torch.randn_like(changed)
