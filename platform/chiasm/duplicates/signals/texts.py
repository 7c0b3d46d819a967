"""Texts that read alike: MinHash finds candidates, their common shingles decide.

A text is the set of its runs of five signs (shingles), in one case and without punctuation. Of 64 random orders the
first shingle of each is kept; two texts agree in as many of them as their sets overlap (Jaccard), and such that agree
in one of 16 groups of four are compared in full (Broder, On the resemblance and containment of documents, 1997).
"""

from __future__ import annotations

import unicodedata
from functools import cache

import numpy as np
from numpy.typing import NDArray

__all__ = ["BANDS", "LEAST", "MIN_SIGNS", "bands_of", "likeness", "plain", "resemblance", "shingles"]

Words = NDArray[np.uint64]

#: Groups of a signature, and hashes in each: at a resemblance of .7 a pair is found with .988.
BANDS, _ROWS = 16, 4
_SIGNS = 5
#: Shorter texts are the same only if they are equal.
MIN_SIGNS = 12
#: Texts that have less in common are two texts.
LEAST = 0.7
#: Longer texts are compared by their beginning.
_MAX_SIGNS = 20_000


def plain(text: str) -> str:
    """The text without what does not make it another one: case, accents of width, punctuation, spaces."""
    folded = unicodedata.normalize("NFKC", text[: 2 * _MAX_SIGNS]).casefold()
    signs = "".join(sign if sign.isalnum() else " " for sign in folded)
    return " ".join(signs.split())[:_MAX_SIGNS]


def shingles(text: str) -> Words:
    """Hashes of the shingles of a plain text, ascending, each once, (n,)."""
    signs = np.frombuffer(text.encode("utf-32-le"), dtype=np.uint32).astype(np.uint64)
    if len(signs) < _SIGNS:
        return np.zeros(0, dtype=np.uint64)
    windows = np.lib.stride_tricks.sliding_window_view(signs, _SIGNS)
    places = np.array([0x9E3779B97F4A7C15 * (2 * n + 1) & _MASK for n in range(_SIGNS)], dtype=np.uint64)
    # Products wrap around at 64 bits.
    return np.unique(_mixed((windows * places).sum(axis=1, dtype=np.uint64)))  # (n, 5) -> (n,)


def bands_of(hashes: Words) -> Words:
    """One number for each band of a text's signature, (16,)."""
    factors, offsets = _orders()
    # (64, 1) x (n,) -> (64, n) -> (64,)
    signature = _mixed(hashes[None, :] * factors[:, None] + offsets[:, None]).min(axis=1)
    bands = signature.reshape(BANDS, _ROWS)
    numbers = np.zeros(BANDS, dtype=np.uint64)
    for row in range(_ROWS):
        numbers = _mixed(numbers * np.uint64(0x100000001B3) + bands[:, row])
    return numbers


def resemblance(one: Words, other: Words) -> float:
    """Share of the shingles of both that both have (Jaccard)."""
    common = len(np.intersect1d(one, other, assume_unique=True))
    return common / max(1, len(one) + len(other) - common)


def likeness(common: float) -> float:
    """How sure two long texts are one, by their resemblance (0 to 1): none at one half, all at one."""
    return min(1.0, max(0.0, (common - 0.5) / 0.5))


_MASK = 2**64 - 1


def _mixed(numbers: Words) -> Words:
    """Numbers whose bits all depend on all bits (finaliser of SplitMix64)."""
    numbers = (numbers ^ (numbers >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    numbers = (numbers ^ (numbers >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return np.asarray(numbers ^ (numbers >> np.uint64(31)), dtype=np.uint64)


@cache
def _orders() -> tuple[Words, Words]:
    # One seed for ever: signatures of different runs are compared.
    drawn = np.random.default_rng(20_07).integers(0, _MASK, size=(2, BANDS * _ROWS), dtype=np.uint64)
    return drawn[0] | np.uint64(1), drawn[1]
