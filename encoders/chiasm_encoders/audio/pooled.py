"""From recordings to windows, through a model in batches of one length, and back to one vector each."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from chiasm_encoders.audio.windows import Samples, windows
from chiasm_encoders.errors import EncoderInputError
from chiasm_encoders.protocol import Vectors, empty_vectors, normalised
from chiasm_encoders.waveform import Waveform

__all__ = ["encode_windows"]


def encode_windows(
    batch: Sequence[Any],
    forward: Callable[[list[Samples]], Vectors],
    *,
    sample_rate_hz: int,
    window: int,
    step: int,
    dim: int,
    at_once: int,
) -> Vectors:
    """Unit vectors `(batch, dim)`: the mean over a recording's windows, each of which counts alike.

    A recording of minutes costs no more memory than one of seconds.

    Args:
        batch: `Waveform`s of any rate and length.
        forward: Windows of one length to vectors `(windows, dim)`.
        sample_rate_hz: Rate that the model takes.
        window: Longest window, in samples.
        step: Short recordings are repeated up to a multiple of this, in samples.
        dim: Length of a vector.
        at_once: Windows handed to `forward` at once.

    Raises:
        EncoderInputError: an item is no `Waveform`.
    """
    cut: list[Samples] = []
    owners: list[int] = []
    for row, sound in enumerate(batch):
        if not isinstance(sound, Waveform):
            raise EncoderInputError(f"an audio encoder takes a Waveform, not {type(sound).__name__}")
        pieces = windows(sound.resampled(sample_rate_hz).samples, window, step)
        cut += pieces
        owners += [row] * len(pieces)
    if not cut:
        return empty_vectors(dim)
    sums = np.zeros((len(batch), dim), np.float32)
    by_length: dict[int, list[int]] = {}
    for index, piece in enumerate(cut):
        by_length.setdefault(len(piece), []).append(index)
    for members in by_length.values():
        for start in range(0, len(members), at_once):
            part = members[start : start + at_once]
            np.add.at(sums, [owners[i] for i in part], normalised(forward([cut[i] for i in part])))
    return normalised(sums)
