"""What a question may mean: an entity, and the predicates to follow from it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from math import sqrt

import numpy as np
from sqlalchemy.orm import Session

from chiasm.questions.facing import facing
from chiasm.questions.lexicon import Lexicon
from chiasm.questions.options import Option, edges_of, options_of
from chiasm.questions.predicates import Match
from chiasm.questions.question import Mention, Question
from chiasm.search.replica import Replica

__all__ = ["GOOD", "Reading", "Readings"]

#: Below it, other means are tried.
GOOD = 0.7
#: What a reading must come to.
_LEAST = 0.55
#: Share of the words of a predicate that must be named.
_LEAST_NAMED = 0.45
#: Share of a score that is how much of the rest of the question is explained.
_EXPLAINED = 0.35
#: Two steps are a bolder guess than one.
_SECOND_STEP = 0.85
#: Mentions, and first steps of each, that are looked at.
_MENTIONS, _FIRST_STEPS, _KEPT = 24, 3, 10

#: Gives how near the rest of a question is to each of some predicates, 0 to 1.
Nearness = Callable[[Mention, Sequence[str]], Mapping[str, float]]


@dataclass(frozen=True)
class Reading:
    """One way to understand a question."""

    mention: Mention
    steps: tuple[Option, ...]
    #: 0 to 1.
    score: float
    #: Positions of the words that name the predicates.
    used: frozenset[int]

    @property
    def path(self) -> list[str]:
        """The predicates, with `^` where they are followed from the object."""
        return [step.step for step in self.steps]


class Readings:
    """Readings of one question.

    Args:
        session: For what is stated as values.
        replica: The entities.
        lexicon: What they and the predicates are called.
        question: What is asked.
    """

    def __init__(self, session: Session, replica: Replica, lexicon: Lexicon, question: Question) -> None:
        self._session, self._replica = session, replica
        self._lexicon, self._question = lexicon, question
        self._words = [token.text for token in question.tokens]
        self._options: dict[int, list[Option]] = {}

    @cached_property
    def named(self) -> list[Mention]:
        """Entities that the question names, the most telling first."""
        return self._best(self._question.named(self._lexicon.names))

    @cached_property
    def nearly(self) -> list[Mention]:
        """Entities that it names almost."""
        return self._best(self._question.nearly_named(self._lexicon.names))

    def of(self, mentions: Sequence[Mention], nearness: Nearness | None = None) -> list[Reading]:
        """Readings that start at these mentions, the best first."""
        found: list[Reading] = []
        for mention in mentions:
            found += self._of_one(mention, nearness)
        found.sort(key=lambda one: (-one.score, len(one.steps), one.mention.start, one.path))
        return found[:_KEPT]

    def options(self, row: int) -> list[Option]:
        """What is stated of an entity."""
        if row not in self._options:
            self._options[row] = options_of(self._session, self._replica, [row])
        return self._options[row]

    def _best(self, mentions: list[Mention]) -> list[Mention]:
        degree = self._replica.graph.degrees()
        key = self._replica.keys

        def order(one: Mention) -> tuple[float, int, str]:
            said = len(self._question.content.intersection(range(one.start, one.end)))
            return (
                -one.candidate.score * sqrt(said or 0.5),
                -int(degree[one.candidate.row]),
                key[one.candidate.row],
            )

        return sorted(mentions, key=order)[:_MENTIONS]

    def _of_one(self, mention: Mention, nearness: Nearness | None) -> list[Reading]:
        asked = self._question.others(mention.start, mention.end)
        options = self.options(mention.candidate.row)
        near = nearness(mention, sorted({option.name for option in options})) if nearness else {}
        first = self._steps(options, asked, mention.start, mention.end, near)
        found = [self._reading(mention, [(option, match)], way) for option, match, way in first]
        best = sorted(first, key=lambda one: -one[1].named * one[2])[:_FIRST_STEPS]
        for option, match, way in best:
            if option.relations and match.used:
                found += self._second(mention, option, match, way, asked)
        return [one for one in found if one.score >= _LEAST]

    def _second(
        self, mention: Mention, option: Option, match: Match, way: float, asked: Mapping[int, str]
    ) -> list[Reading]:
        rest = {at: word for at, word in asked.items() if at not in match.used}
        if not self._question.content.intersection(rest):
            return []
        _, reached, _ = edges_of(self._replica, [mention.candidate.row], option.relations)
        onward = options_of(self._session, self._replica, np.unique(reached).tolist())
        # To the second predicate, the first one and its entity are one thing.
        span = [*match.used, mention.start, mention.end - 1]
        start, end = min(span), max(span) + 1
        return [
            self._reading(mention, [(option, match), (second, more)], way * other)
            for second, more, other in self._steps(onward, rest, start, end, {})
            # Back the way it came leads to where it was.
            if not (second.name == option.name and second.forward is not option.forward)
        ]

    def _steps(
        self,
        options: Sequence[Option],
        asked: Mapping[int, str],
        start: int,
        end: int,
        near: Mapping[str, float],
    ) -> list[tuple[Option, Match, float]]:
        """Options that are named, each with what names it and what its direction is worth."""
        predicates = self._lexicon.predicates
        found = []
        for option in _joined(options, predicates.mutual):
            match = predicates.match(option.name, asked)
            close = near.get(option.name, 0.0)
            if close > match.named:
                match = Match(close, match.used or frozenset(asked))
            if match.named >= _LEAST_NAMED:
                subject, obj = facing(
                    self._words, match.used, start, end, preposition=predicates.preposition(option.name)
                )
                way = 1.0 if predicates.mutual(option.name) else subject if option.forward else obj
                found.append((option, match, way))
        return found

    def _reading(self, mention: Mention, steps: Sequence[tuple[Option, Match]], way: float) -> Reading:
        rest = self._question.content.difference(range(mention.start, mention.end))
        used = frozenset[int]().union(*(match.used for _, match in steps))
        explained = len(rest & used) / len(rest) if rest else 1.0
        named = float(np.prod([match.named for _, match in steps])) ** (1 / len(steps))
        score = (1 - _EXPLAINED) * named + _EXPLAINED * explained
        score *= mention.candidate.score * way * _SECOND_STEP ** (len(steps) - 1)
        return Reading(mention, tuple(option for option, _ in steps), score, used)


def _joined(options: Sequence[Option], mutual: Callable[[str], bool]) -> list[Option]:
    """Both ways of a predicate that holds both ways as one option."""
    found: dict[tuple[str, bool | None, bool], Option] = {}
    for option in options:
        both = bool(option.relations) and mutual(option.name)
        name = (option.name, None if both else option.forward, bool(option.relations))
        known = found.get(name)
        if known is not None:
            option = replace(known, relations=known.relations + option.relations, forward=None)
        found[name] = option
    return list(found.values())
