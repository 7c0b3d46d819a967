"""What entities are called, and which of them a mention means."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple
from zlib import crc32

import numpy as np
import numpy.typing as npt

from chiasm.questions.letters import SpellingIndex
from chiasm.questions.wording import squashed, words
from chiasm.search.texts import Texts

__all__ = ["SORTS", "Candidate", "Name", "NameIndex"]

#: Sorts of names, and what an exact match is worth.
SORTS = {"title": 1.0, "key": 0.98, "alias": 0.97, "text": 0.95}
_SORT_NAMES = tuple(SORTS)
_WORTH = np.array(list(SORTS.values()))
#: What a word that the mention lacks takes away, beside one that the name lacks.
_MISSING = 0.5
#: Words that more names have than this are looked up only where there is no rarer one.
_COMMON = 50_000
#: Words below this similarity are not taken for each other.
_SPELLED = 0.9

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


class Name(NamedTuple):
    """One name of the entity in a row."""

    row: int
    sort: str
    text: str


@dataclass(frozen=True)
class Candidate:
    """An entity that a mention may mean."""

    row: int
    #: 1 for its title, letter by letter.
    score: float
    #: The name that fits, and its sort.
    name: str
    by: str


class NameIndex:
    """Names by their words and by their letters; immutable.

    Args:
        names: In any order; those without a letter or digit are left out.
    """

    def __init__(self, names: Iterable[Name]) -> None:
        self._vocabulary: dict[str, int] = {}
        rows, sorts, sums, texts = [], [], [], []
        flat: list[int] = []
        counts: list[int] = []
        number = self._vocabulary
        for row, sort, text in names:
            split = words(text)
            if not split:
                continue
            rows.append(row)
            sorts.append(_SORT_NAMES.index(sort))
            sums.append(crc32("".join(split).encode(errors="replace")))
            texts.append(text)
            own = {number.setdefault(word, len(number)) for word in split}
            flat.extend(own)
            counts.append(len(own))
        self._rows = np.array(rows, dtype=np.int64)
        self._sorts = np.array(sorts, dtype=np.uint8)
        self._texts: Texts[str] = Texts.of(texts)
        given = np.array(sums, dtype=np.uint32)
        self._by_sum = np.argsort(given, kind="stable")
        self._sums = given[self._by_sum]
        self._invert(np.array(flat, dtype=np.int32), np.array(counts, dtype=np.int64))

    def _invert(self, flat: npt.NDArray[np.int32], counts: Ints) -> None:
        owner = np.repeat(np.arange(len(counts), dtype=np.int32), counts)
        frequency = np.bincount(flat, minlength=len(self._vocabulary))
        self._starts = np.concatenate([np.zeros(1, np.int64), np.cumsum(frequency)])
        self._names = owner[np.argsort(flat, kind="stable")]
        #: Of each word: how much it tells, ``(words,)``.
        self._tells = np.log1p(len(counts) / np.maximum(frequency, 1))
        self._weights = np.bincount(owner, weights=self._tells[flat], minlength=len(counts))

    def __len__(self) -> int:
        return len(self._rows)

    @cached_property
    def _spelling(self) -> SpellingIndex:
        return SpellingIndex(list(self._vocabulary))

    def exact(self, mention: str) -> list[Candidate]:
        """Entities of that name, but for case, accents and what stands between its words; the best name of each."""
        folded = squashed(mention)
        if not folded:
            return []
        wanted = np.uint32(crc32(folded.encode(errors="replace")))
        span = slice(
            np.searchsorted(self._sums, wanted, "left"), np.searchsorted(self._sums, wanted, "right")
        )
        at = [name for name in self._by_sum[span].tolist() if squashed(self._texts[name]) == folded]
        return self._candidates(np.array(at, dtype=np.int64), np.ones(len(at)), mention)

    def near(self, mention: str, *, least: float = 0.3) -> list[Candidate]:
        """Entities with a name that shares words with the mention, or words written almost alike; the best first."""
        split = list(dict.fromkeys(words(mention)))
        found = [self._alike(word) for word in split]
        known = [self._tells[numbers].max() if len(numbers) else np.nan for numbers, _ in found]
        # What no name has tells as much as what one has.
        rare = np.log1p(max(len(self), 1))
        wanted = float(np.nansum(np.where(np.isnan(known), rare, known))) if known else 0.0
        at, matched, used = self._matches(found)
        if not len(at):
            return []
        lacks = np.maximum(self._weights[at] - used, 0.0)
        score = matched / (wanted + _MISSING * lacks)
        keep = score >= least
        # Of the same words in another order, or without some: never as good as the name itself.
        return self._candidates(at[keep], np.minimum(score[keep], 1.0) * _SPELLED, mention)

    def _alike(self, word: str) -> tuple[Ints, Floats]:
        """Numbers of known words that may be meant by one, and how alike each is."""
        own = self._vocabulary.get(word)
        near = [(one.number, one.similarity) for one in self._spelling.near(word) if one.number != own]
        pairs = ([] if own is None else [(own, 1.0)]) + near
        return np.array([n for n, _ in pairs], dtype=np.int64), np.array([s for _, s in pairs])

    def _matches(self, found: Sequence[tuple[Ints, Floats]]) -> tuple[Ints, Floats, Floats]:
        """Names with any of the words, what these tell, and how much of each name they are."""
        sizes = np.diff(self._starts)
        rarest = min((int(sizes[n].min()) for n, _ in found if len(n)), default=0)
        most = max(_COMMON, rarest)
        matched, used = np.zeros(len(self)), np.zeros(len(self))
        touched = []
        for numbers, similarity in found:
            # A word counts once in a name, by the one there that is most like it: rising order, the last one stays.
            best, own = np.zeros(len(self)), np.zeros(len(self))
            for at in np.argsort(similarity, kind="stable").tolist():
                number = int(numbers[at])
                if sizes[number] <= most:
                    names = self._names[self._starts[number] : self._starts[number + 1]]
                    best[names], own[names] = similarity[at] * self._tells[number], self._tells[number]
                    touched.append(names)
            matched += best
            used += own
        at = np.unique(np.concatenate(touched)).astype(np.int64) if touched else np.zeros(0, np.int64)
        return at, matched[at], used[at]

    def _candidates(self, at: Ints, score: Floats, mention: str) -> list[Candidate]:
        worth = score * _WORTH[self._sorts[at]]
        best: dict[int, Candidate] = {}
        for place in np.argsort(-worth, kind="stable")[:1000].tolist():
            name, row = int(at[place]), int(self._rows[at[place]])
            text = self._texts[name]
            value = float(worth[place]) * (1.0 if text == mention else 0.99)
            if row not in best or value > best[row].score:
                best[row] = Candidate(row, value, text, _SORT_NAMES[self._sorts[name]])
        return sorted(best.values(), key=lambda one: -one.score)
