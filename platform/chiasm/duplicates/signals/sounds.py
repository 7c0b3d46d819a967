"""Sounds that are one recording: bits of how energy moves between bands, compared at every offset.

Of each frame of .37 s, every 23 ms, the energies of 33 bands between 300 and 2000 Hz are taken; a bit says whether the
difference of two neighbouring bands grew since the frame before (Haitsma & Kalker, A Highly Robust Audio
Fingerprinting System, ISMIR 2002). They differ from us in a step of 12 ms and in asking for 3 s; clips of sounds are
shorter, so the length that is compared enters the threshold instead.
"""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

__all__ = ["KIND", "SILENT", "Overlap", "alike", "frames_from_bytes", "frames_of", "overlap"]

Frames = NDArray[np.uint32]

KIND = "sound-1"
_RATE_HZ = 5512
_FRAME, _STEP = 2048, 128
_BANDS, _LOW_HZ, _HIGH_HZ = 33, 300.0, 2000.0
#: A frame in which nothing is to be heard; no frame of a sound is kept as this number.
SILENT = 0
#: Quieter than the loudest frame by this (energy ratio, 50 dB).
_QUIET = 1e-5
#: Frames with sound that both must have at one offset (.9 s).
_MIN_FRAMES = 40
#: Bits that differ: of one recording below .35 (the paper), of two about half.
_MIDDLE_BITS, _WIDTH_BITS = 0.30, 0.025
_MOST = 0.97


class Overlap(NamedTuple):
    """Two sounds laid over each other."""

    #: Share of bits that differ.
    differ: float
    #: Frames with sound in both.
    frames: int
    #: Frame of the second sound at which the first one begins.
    offset: int


def frames_of(samples: NDArray[np.float32], rate_hz: int) -> Frames:
    """A 32-bit number a frame, (n,) uint32; none for silence and what is shorter than a frame.

    Args:
        samples: Mono, (samples,).
        rate_hz: Of the samples.
    """
    import soxr

    slow = samples if rate_hz == _RATE_HZ else soxr.resample(samples, rate_hz, _RATE_HZ)
    if len(slow) < _FRAME + _STEP:
        return np.zeros(0, dtype=np.uint32)
    energies = _energies(np.asarray(slow, dtype=np.float32))  # (frames, 33)
    across = np.diff(energies, axis=1)  # (frames, 32)
    bits = np.diff(across, axis=0) > 0  # (frames - 1, 32)
    numbers = np.packbits(bits, axis=1).view(">u4").ravel().astype(np.uint32)
    loud = energies.sum(axis=1)[1:]
    silent = loud <= max(_QUIET * float(loud.max()), 1e-9)
    numbers[~silent & (numbers == SILENT)] = 1
    numbers[silent] = SILENT
    return numbers if (~silent).any() else np.zeros(0, dtype=np.uint32)


def frames_from_bytes(data: bytes) -> Frames:
    """What `frames_of(...).tobytes()` held."""
    return np.frombuffer(data, dtype=np.uint32)


def overlap(one: Frames, other: Frames, offset: int) -> Overlap:
    """The two sounds with the first frame of one at frame `offset` of the other (may be negative)."""
    start, stop = max(0, offset), min(len(other), offset + len(one))
    mine, theirs = one[start - offset : stop - offset], other[start:stop]
    both = (mine != SILENT) & (theirs != SILENT)
    count = int(both.sum())
    if not count:
        return Overlap(0.5, 0, offset)
    differ = np.bitwise_count(mine[both] ^ theirs[both]).sum() / (32 * count)
    return Overlap(float(differ), count, offset)


def alike(found: Overlap) -> float:
    """How sure it is that they are one recording (0 to 1)."""
    if found.frames < _MIN_FRAMES:
        return 0.0
    # Chance alone spreads the share by 3 x .5 / sqrt(bits): neighbouring bits are not independent (the paper's
    # section 4.3). Ten of these below one half keep a short clip from passing by luck at one of many offsets.
    luck = 0.5 - 10 * 1.5 / np.sqrt(32.0 * found.frames)
    middle = min(_MIDDLE_BITS, luck)
    return float(_MOST / (1.0 + np.exp((found.differ - middle) / _WIDTH_BITS)))


def _energies(samples: NDArray[np.float32]) -> NDArray[np.float64]:
    """Energy of each band in each frame, (frames, 33)."""
    edges = _edges()
    starts = np.arange(0, len(samples) - _FRAME + 1, _STEP)
    window = np.hanning(_FRAME).astype(np.float32)
    parts = []
    # Some at a time: ten minutes of overlapping frames would be hundreds of megabytes.
    for at in range(0, len(starts), 512):
        windows = np.lib.stride_tricks.sliding_window_view(samples, _FRAME)[starts[at : at + 512]]
        power = np.abs(np.fft.rfft(windows * window, axis=1)) ** 2  # (some, 2048) -> (some, 1025)
        parts.append(np.add.reduceat(power, edges, axis=1)[:, :-1])
    return np.concatenate(parts).astype(np.float64)


@cache
def _edges() -> NDArray[np.int64]:
    """First bin of each band and the bin behind the last one, (34,), at equal ratios."""
    hz = np.geomspace(_LOW_HZ, _HIGH_HZ, _BANDS + 1)
    return np.rint(hz * _FRAME / _RATE_HZ).astype(np.int64)
