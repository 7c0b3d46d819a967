"""Pictures that look alike: a perceptual hash finds them, a small picture in colour confirms them.

The hash is the sign of the 64 lowest frequencies of the cosine transform of the grey picture against their median
(pHash: Zauner, Implementation and Benchmarking of Perceptual Image Hash Functions, 2010). Grey only: a red heart
and a blue one have one hash, so the mean colours of a grid are kept beside it and have to agree too.
"""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

__all__ = ["KIND", "RADIUS", "Picture", "alike", "picture_of"]

KIND = "picture-1"
#: Side of what the transform sees, and of the block of low frequencies taken.
_SIDE, _LOW = 32, 8
#: Side of the grid of mean colours.
_GRID = 8
#: Hashes that differ in more bits are not looked at.
RADIUS = 11
#: Grey values that vary less than this are a blank sheet: its hash would be noise.
_MIN_SPREAD = 4.0
#: Unrelated pictures differ in 32 bits of 64 (standard deviation about 4, more where subjects are alike).
_MIDDLE_BITS, _WIDTH_BITS = 11.0, 1.2
#: Difference of colours (root mean square over cells, of 255) at which half of the confidence is left.
_HALF_COLOUR = 32.0
#: One of the two may be brighter by so much without being another picture.
_GAIN = 1.25
#: Two pictures of equal hash and colours may still differ in what neither shows.
_MOST = 0.97


class Picture(NamedTuple):
    """What a picture looks like."""

    #: 64 bits.
    hash: int
    #: Mean colours, (8, 8, 3) uint8.
    colours: NDArray[np.uint8]

    def to_bytes(self) -> bytes:
        """The form in which it is stored."""
        return self.hash.to_bytes(8, "big") + self.colours.tobytes()

    @classmethod
    def from_bytes(cls, data: bytes) -> Picture:
        """What `to_bytes` gave."""
        colours = np.frombuffer(data[8:], dtype=np.uint8).reshape(_GRID, _GRID, 3)
        return cls(int.from_bytes(data[:8], "big"), colours)


def picture_of(pixels: NDArray[np.uint8]) -> Picture | None:
    """What a picture looks like; None for a blank one.

    Args:
        pixels: (height, width, 3), at any size.
    """
    from PIL import Image

    small = Image.fromarray(pixels).resize((_SIDE, _SIDE), Image.Resampling.BOX)
    square = np.asarray(small, dtype=np.float64)  # (32, 32, 3)
    grey = square @ np.array([0.299, 0.587, 0.114])  # (32, 32, 3) -> (32, 32)
    if grey.std() < _MIN_SPREAD:
        return None
    basis = _cosines()
    low = (basis @ grey @ basis.T).ravel()  # (8, 32) x (32, 32) x (32, 8) -> (64,)
    # The first one is the mean brightness: it says nothing of the form.
    bits = low > np.median(low[1:])
    number = int(sum(1 << place for place, bit in enumerate(bits) if bit))
    cells = square.reshape(_GRID, _SIDE // _GRID, _GRID, _SIDE // _GRID, 3).mean(axis=(1, 3))
    return Picture(number, np.asarray(np.rint(cells), dtype=np.uint8))


def alike(one: Picture, other: Picture) -> tuple[float, int]:
    """How sure it is that two pictures are one (0 to 1), and how many bits of their hashes differ."""
    bits = (one.hash ^ other.hash).bit_count()
    mine, theirs = one.colours.astype(np.float64), other.colours.astype(np.float64)
    gain = np.sqrt(np.clip(mine.sum() / max(1.0, theirs.sum()), 1 / _GAIN, _GAIN))
    cells = np.abs(mine / gain - gain * theirs).mean(axis=2)  # (8, 8, 3) -> (8, 8)
    apart = float(np.sqrt((cells**2).mean()))
    form = 1.0 / (1.0 + np.exp((bits - _MIDDLE_BITS) / _WIDTH_BITS))
    colour = 0.5 ** ((apart / _HALF_COLOUR) ** 2)
    return float(_MOST * form * colour), bits


@cache
def _cosines() -> NDArray[np.float64]:
    """The lowest rows of the orthonormal DCT-II, (8, 32)."""
    place = (np.arange(_SIDE) + 0.5) * np.pi / _SIDE
    rows = np.cos(np.arange(_LOW)[:, None] * place[None, :]) * np.sqrt(2.0 / _SIDE)
    rows[0] /= np.sqrt(2.0)
    return rows
