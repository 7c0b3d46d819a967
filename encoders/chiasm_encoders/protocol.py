"""What every encoder offers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

__all__ = ["Encoder", "Vectors", "empty_vectors", "normalised"]

#: `(batch, dim)` float32.
Vectors = npt.NDArray[np.float32]


@runtime_checkable
class Encoder(Protocol):
    """A frozen model that turns items of one modality into vectors.

    Items are decoded: text is `str`, a picture `uint8 (height, width, 3)` RGB, a sound a `Waveform`.
    """

    #: "text", "image" or "audio".
    modality: str
    #: Length of a vector.
    dim: int
    #: SHA-256 over configuration and weights: two encoders that may answer differently differ in it.
    fingerprint: str

    def encode(self, batch: Sequence[Any], /) -> Vectors:
        """Unit vectors `(batch, dim)` float32 in the order of the batch, of any size including zero.

        The vector of an item does not depend on what else is in the batch beyond rounding.

        Raises:
            EncoderInputError: an item is not of this encoder's modality.
        """
        ...


def empty_vectors(dim: int) -> Vectors:
    """No vectors: `(0, dim)`."""
    return np.zeros((0, dim), np.float32)


def normalised(vectors: npt.NDArray[Any]) -> Vectors:
    """Rows at unit length, `(batch, dim)`; a zero row becomes the first axis, as nothing may be all zero."""
    rows = np.array(vectors, np.float32)
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    dead = ~(lengths[:, 0] > 1e-12)
    rows[dead] = 0.0
    rows[dead, 0] = 1.0
    lengths[dead] = 1.0
    return np.asarray(rows / lengths, np.float32)
