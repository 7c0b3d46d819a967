"""Words that are written almost like another one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

__all__ = ["Near", "SpellingIndex", "distance"]

Ints = npt.NDArray[np.int64]
_SEPARATOR = 0
#: Words that share trigrams, compared letter by letter at most.
_COMPARED = 64
_LEAST_SHARED = 0.2


class Near(NamedTuple):
    """A known word, and how alike it is."""

    number: int
    similarity: float


class SpellingIndex:
    """Known words by their trigrams.

    Args:
        known: The words, folded; the position of each is its number.
    """

    def __init__(self, known: Sequence[str]) -> None:
        self._known = known
        codes, owners = _trigrams([word.encode(errors="replace") for word in known])
        order = np.argsort(codes, kind="stable")
        self._codes, self._owners = codes[order], owners[order].astype(np.int32)
        self._sizes = np.bincount(owners, minlength=len(known))

    def near(self, word: str) -> list[Near]:
        """Known words within a few letters, the most alike first; none for short words and for numbers."""
        # Another number is another thing, not a slip of the pen.
        allowed = 0 if any(sign.isdigit() for sign in word) else _allowed(len(word))
        if not allowed or not len(self._codes):
            return []
        codes, _ = _trigrams([word.encode(errors="replace")])
        codes = np.unique(codes)
        first, last = (np.searchsorted(self._codes, codes, side) for side in ("left", "right"))
        spans = [self._owners[a:b] for a, b in zip(first, last, strict=True)]
        owners, shared = np.unique(np.concatenate(spans), return_counts=True)
        dice = 2.0 * shared / (len(codes) + self._sizes[owners])
        best = np.argsort(-dice, kind="stable")[:_COMPARED]
        found = []
        for at in best[dice[best] >= _LEAST_SHARED].tolist():
            other = self._known[owners[at]]
            if abs(len(other) - len(word)) <= allowed:
                apart = distance(word, other)
                if apart <= allowed:
                    found.append(Near(int(owners[at]), 1.0 - apart / max(len(word), len(other))))
        return sorted(found, key=lambda one: (-one.similarity, one.number))


def distance(one: str, other: str) -> int:
    """Letters to change, add, leave out or swap with the next one (optimal string alignment)."""
    before: list[int] = []
    row = list(range(len(other) + 1))
    for i, left in enumerate(one, start=1):
        older, before, row = before, row, [i]
        for j, right in enumerate(other, start=1):
            best = min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (left != right))
            if i > 1 and j > 1 and left == other[j - 2] and one[i - 2] == right:
                best = min(best, older[j - 2] + 1)
            row.append(best)
    return row[-1]


def _allowed(length: int) -> int:
    return 0 if length < 3 else 1 if length < 6 else 2 if length < 10 else 3


def _trigrams(encoded: Sequence[bytes]) -> tuple[Ints, Ints]:
    """Trigrams of padded words as numbers, and the word of each, both ``(trigrams,)``."""
    lengths = np.fromiter(map(len, encoded), dtype=np.int64, count=len(encoded))
    # Two separators lie between words: a trigram with both of them would say nothing.
    joined = np.frombuffer(b"".join(b"\0" + word + b"\0" for word in encoded), dtype=np.uint8).astype(
        np.int64
    )
    if len(joined) < 3:
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    codes = joined[:-2] << 16 | joined[1:-1] << 8 | joined[2:]
    owners = np.repeat(np.arange(len(encoded)), lengths + 2)
    inside = (owners[:-2] == owners[2:]) & (joined[1:-1] != _SEPARATOR)
    pairs = np.unique(np.stack([owners[:-2][inside], codes[inside]]), axis=1)
    return pairs[1], pairs[0]
