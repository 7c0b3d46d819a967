"""Which predicate the words of a question name."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from math import log1p, sqrt
from typing import NamedTuple

from chiasm.questions.wording import SOFT, STOP, alike, phrase, words

__all__ = ["Match", "PredicateWords"]

#: What a question word such as `where` is worth for `place`.
_SOFT = 0.5
#: Words at the end of a predicate that say which way it is meant.
_PREPOSITIONS = frozenset({"after", "at", "by", "for", "from", "in", "of", "on", "to", "with"})
_BOTH_WAYS = """
border borders neighbour neighbours neighbor adjacent spouse sibling twin married friend similar related partner relative
same equals synonym diplomatic
"""
#: Words of predicates that hold both ways.
_MUTUAL = frozenset(_BOTH_WAYS.split())


class Match(NamedTuple):
    """How much of a predicate words name, 0 to 1, and which of them do."""

    named: float
    #: Positions in the question.
    used: frozenset[int]


class PredicateWords:
    """Words of predicates, and how much each of them tells.

    Args:
        names: All predicates.
        called: Further names of some.
    """

    def __init__(self, names: Sequence[str], called: Mapping[str, Sequence[str]]) -> None:
        self._called = called
        self._phrases: dict[str, list[list[str]]] = {}
        known = [name for name in names if name]
        spread = Counter(word for name in known for word in {w for split in self._split(name) for w in split})
        self._count, self._spread = max(len(known), 1), spread

    def phrases(self, name: str) -> list[str]:
        """What a predicate is called, in words; its own name first."""
        return [phrase(name), *self._called.get(name, ())]

    def preposition(self, name: str) -> bool:
        """Whether it ends with a word such as `of`, as in `part_of`: its object then stands behind it."""
        return self._title(name)[-1:] != [] and self._title(name)[-1] in _PREPOSITIONS

    def mutual(self, name: str) -> bool:
        """Whether its words say that it holds both ways, as `borders` does."""
        return any(word in _MUTUAL for word in self._title(name))

    def match(self, name: str, asked: Mapping[int, str]) -> Match:
        """How well the words of a question, by their positions, name a predicate."""
        if not asked:
            return Match(0.0, frozenset())
        found = [self._matched(split, asked) for split in self._split(name)]
        return max(found, key=lambda one: (one.named, len(one.used)), default=Match(0.0, frozenset()))

    def _matched(self, split: Sequence[str], asked: Mapping[int, str]) -> Match:
        wanted = [word for word in split if word not in STOP] or list(split)
        similar = [[_similarity(word, other) for other in asked.values()] for word in wanted]
        used = frozenset(
            at for at, found in zip(asked, zip(*similar, strict=True), strict=True) if max(found)
        )
        # `where` alone names nothing.
        if not any(asked[at] not in SOFT for at in used):
            return Match(0.0, frozenset())
        weights = [log1p(self._count / max(self._spread[word], 1)) for word in wanted]
        named = sum(weight * max(found) for weight, found in zip(weights, similar, strict=True)) / sum(
            weights
        )
        # Half of a long name is more than half of what there is to say.
        return Match(sqrt(named), used)

    def _split(self, name: str) -> list[list[str]]:
        if name not in self._phrases:
            self._phrases[name] = [split for split in map(words, self.phrases(name)) if split]
        return self._phrases[name]

    def _title(self, name: str) -> list[str]:
        """Its words; those of its title where the name is a number or the like."""
        split = self._split(name)
        return split[1] if len(split) > 1 else split[0] if split else []


def _similarity(word: str, other: str) -> float:
    found = alike(word, other)
    if not found and other in SOFT and any(alike(word, meant) > 0.8 for meant in SOFT[other]):
        return _SOFT
    return found
