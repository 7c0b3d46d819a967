"""Training clips in either of the two forms that a caller may have them in."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from chiasm_encoders.errors import SupervisionError

__all__ = ["ClipSource", "Clips"]

#: A sequence of float32 waveforms, or one flat int16 array (may be a memory map) with offsets `(items + 1,)`.
ClipSource = Sequence[npt.NDArray[np.float32]] | tuple[npt.NDArray[np.int16], npt.NDArray[np.int64]]


class Clips:
    """Read access to the waveforms by item.

    Raises:
        SupervisionError: offsets that do not fit, or an empty clip.
    """

    def __init__(self, source: ClipSource) -> None:
        self._source = source
        if isinstance(source, tuple):
            flat, offsets = source
            self._lengths = np.diff(offsets)
            if len(offsets) < 1 or int(offsets[-1]) > len(flat):
                raise SupervisionError("the clip offsets reach beyond the samples")
        else:
            self._lengths = np.array([len(wave) for wave in source], np.int64)
        if len(self._lengths) and self._lengths.min() < 1:
            raise SupervisionError("a clip has no samples", remedy="leave empty recordings out")

    def __len__(self) -> int:
        return len(self._lengths)

    def __getitem__(self, item: int) -> npt.NDArray[np.float32]:
        """Samples of one clip, float32 within [-1, 1]."""
        if isinstance(self._source, tuple):
            flat, offsets = self._source
            piece = flat[int(offsets[item]) : int(offsets[item + 1])]
            return np.asarray(piece, np.float32) / np.float32(32768)
        return np.asarray(self._source[item], np.float32)

    @property
    def lengths(self) -> npt.NDArray[np.int64]:
        """Samples of each clip."""
        return self._lengths

    def identity(self) -> npt.NDArray[np.generic]:
        """An array that stands for all samples in the run's identity."""
        if isinstance(self._source, tuple):
            return self._source[0]
        return np.concatenate([np.asarray(wave, np.float32) for wave in self._source])
