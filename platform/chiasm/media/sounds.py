"""Sounds: bytes -> mono samples."""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING

import numpy as np
import soundfile
from numpy.typing import NDArray

from chiasm.errors import MediaError
from chiasm.media.limits import MediaLimits
from chiasm.media.sniff import require

if TYPE_CHECKING:
    from chiasm_encoders.waveform import Waveform

__all__ = ["decode_audio", "read_samples"]

_BLOCK_FRAMES = 1 << 16
_FORMATS = {"WAV", "WAVEX", "RF64", "FLAC", "OGG", "MP3", "AIFF"}


def decode_audio(data: bytes, *, limits: MediaLimits | None = None) -> Waveform:
    """The sound as mono samples at its own rate.

    Args:
        data: A WAV, FLAC, OGG, MP3 or AIFF file.
        limits: Size limits; default `MediaLimits()`.

    Raises:
        MediaError: Too long, empty, damaged, or not a sound.
    """
    # Imported here: the decoding child shares this module and needs no encoders.
    from chiasm_encoders.waveform import Waveform

    samples, rate = read_samples(data, limits=limits)
    return Waveform(samples, rate)


def read_samples(data: bytes, *, limits: MediaLimits | None = None) -> tuple[NDArray[np.float32], int]:
    """Samples (n,) float32, the mean of the channels, and the rate in Hz; raises as `decode_audio`."""
    limits = limits or MediaLimits()
    kind = require(data, "audio")
    if len(data) > limits.max_bytes:
        raise MediaError(f"the sound has {len(data)} bytes, more than {limits.max_bytes}", remedy="cut it")
    try:
        with soundfile.SoundFile(BytesIO(data)) as sound:
            samples, rate = _mono(sound, limits), int(sound.samplerate)
    except MemoryError as error:
        raise MediaError("the sound needs more memory than is allowed", remedy="cut it") from error
    except (soundfile.SoundFileError, OSError, RuntimeError, ValueError, TypeError) as error:
        raise MediaError(
            f"the {kind.name} sound is damaged: {_reason(error)}"[:300], remedy="replace the file"
        ) from error
    if not len(samples):
        raise MediaError("the sound is empty: it has no samples", remedy="replace the file")
    if not np.isfinite(samples).all():
        raise MediaError("the sound has samples that are no numbers", remedy="write it again as 16-bit WAV")
    return samples, rate


def _reason(error: Exception) -> str:
    """What the library says, without the name of our stream."""
    return str(error).partition(">: ")[2] or str(error)


def _mono(sound: soundfile.SoundFile, limits: MediaLimits) -> NDArray[np.float32]:
    rate, channels = int(sound.samplerate), int(sound.channels)
    if sound.format not in _FORMATS:
        raise MediaError(f"{sound.format} is not read", remedy="use WAV, FLAC, OGG, MP3 or AIFF")
    if not 0 < rate <= limits.max_sample_rate_hz or not 0 < channels <= limits.max_channels:
        raise MediaError(
            f"the sound has {channels} channels at {rate} Hz", remedy="write it again as mono WAV"
        )
    # Headers may lie about the length, so it is counted while reading.
    left = int(limits.max_seconds * rate)
    parts: list[NDArray[np.float32]] = []
    while True:
        block = sound.read(_BLOCK_FRAMES, dtype="float32", always_2d=True)
        if not len(block):
            break
        left -= len(block)
        if left < 0:
            raise MediaError(f"the sound is longer than {limits.max_seconds:g} s", remedy="cut it")
        # (frames, channels) -> (frames,)
        parts.append(block[:, 0].copy() if channels == 1 else block.mean(axis=1, dtype=np.float32))
    return np.concatenate(parts) if parts else np.zeros(0, np.float32)
