"""Who answers questions in words, from the graph: what is understood, the answers, and what supports them."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from chiasm.catalog import Catalog
from chiasm.models import ModelCache
from chiasm.questions.answers import answers_of, shown
from chiasm.questions.lexicon import Lexicon, lexicon_of
from chiasm.questions.nearness import VectorNearness
from chiasm.questions.question import Mention, Question
from chiasm.questions.readings import GOOD, Reading, Readings
from chiasm.search import Searcher
from chiasm.search.state import State
from chiasm.search.threads import one_thread

__all__ = ["Asker"]

#: Readings below this share of the best one's score are not answered.
_WORTH_SAYING = 0.7
#: Mentions that are shown, and predicates of one.
_MENTIONS, _PREDICATES = 3, 40
#: Mentions for which the vectors of predicates are compared.
_COMPARED = 6


class Asker:
    """Answers questions; safe to share between threads.

    Args:
        searcher: Holds the state of each workspace.
        catalog: Its catalog.
        models: Encoders, loaded when first used.
    """

    def __init__(self, searcher: Searcher, catalog: Catalog, models: ModelCache) -> None:
        self._searcher, self._catalog, self._models = searcher, catalog, models

    def ask(self, workspace_id: int, text: str, *, k: int = 10) -> dict[str, Any]:
        """The answer of `chiasm ask --json`.

        Raises:
            UsageError: The question has no words, or is too long.
        """
        began = time.perf_counter()
        question = Question(text)
        with one_thread():
            state = self._searcher.state(workspace_id)
            lexicon = lexicon_of(state, self._catalog)
            with self._catalog.read() as session:
                readings = Readings(session, state.replica, lexicon, question)
                found = self._readings(state, lexicon, question, readings)
                answers = answers_of(session, state.replica, question, found)
                understood = _understood(state, readings, found)
        return {
            "release": state.release,
            "took_ms": round((time.perf_counter() - began) * 1000.0, 2),
            "question": question.text,
            "understood": understood,
            "readings": [_reading(state, question, one) for one in found],
            "answers": [shown(state.replica, one, rank) for rank, one in enumerate(answers[:k], start=1)],
            "total": len(answers),
            "message": None if answers else _message(understood),
        }

    def _readings(
        self, state: State, lexicon: Lexicon, question: Question, readings: Readings
    ) -> list[Reading]:
        """By names as they are written; where that gives nothing good, by names almost so, then by vectors."""
        mentions = readings.named
        found = readings.of(mentions)
        if not found or found[0].score < GOOD:
            mentions = [*mentions, *readings.nearly]
            found = readings.of(mentions)
        if (not found or found[0].score < GOOD) and mentions and VectorNearness.there(state):
            nearness = VectorNearness(state, self._models, lexicon.predicates, question)
            found = readings.of(mentions[:_COMPARED], nearness) or found
        least = found[0].score * _WORTH_SAYING if found else 0.0
        return [one for one in found if one.score >= least]


def _understood(state: State, readings: Readings, found: Sequence[Reading]) -> dict[str, Any]:
    mentions = [one.mention for one in found] or [*readings.named, *readings.nearly]
    distinct: dict[int, Mention] = {}
    for mention in mentions:
        distinct.setdefault(mention.candidate.row, mention)
    shown_mentions = list(distinct.values())[:_MENTIONS]
    predicates = [
        sorted({option.step for option in readings.options(one.candidate.row)})[:_PREDICATES]
        for one in shown_mentions
    ]
    return {
        "mentions": [
            {**_mention(state, one), "predicates": names}
            for one, names in zip(shown_mentions, predicates, strict=True)
        ]
    }


def _mention(state: State, mention: Mention) -> dict[str, Any]:
    row = mention.candidate.row
    return {
        "text": mention.text,
        "key": state.replica.keys[row],
        "title": state.replica.titles[row],
        "score": round(mention.candidate.score, 4),
    }


def _reading(state: State, question: Question, reading: Reading) -> dict[str, Any]:
    return {
        "mention": reading.mention.text,
        "key": state.replica.keys[reading.mention.candidate.row],
        "path": reading.path,
        "words": [question.tokens[at].text for at in sorted(reading.used)],
        "score": round(reading.score, 4),
    }


def _message(understood: dict[str, Any]) -> str:
    if not understood["mentions"]:
        return "no entity that is known was recognised; `chiasm graph link` finds what names there are"
    best = understood["mentions"][0]
    name = best["title"] or best["key"]
    if not best["predicates"]:
        return f"{best['text']!r} was understood as {name} ({best['key']}), of which nothing is stated"
    return (
        f"{best['text']!r} was understood as {name} ({best['key']}), but no predicate there fits the other words; "
        f"there are: {', '.join(best['predicates'])}"
    )
