"""Answers to a question in words: a list that also knows how the question was understood."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

__all__ = ["Answers"]


class Answers(list[dict[str, Any]]):
    """Answers in order, the best first; each with `key` and `title` or `value`, `score` and its `support`.

    Args:
        answer: As `chiasm ask --json` prints it.
    """

    def __init__(self, answer: Mapping[str, Any]) -> None:
        super().__init__(answer["answers"])
        self._answer = dict(answer)
        self.question: str = answer["question"]
        #: Which release stood behind it; `late-fusion` before the first.
        self.release: str = answer["release"]
        self.took_ms: float = answer["took_ms"]
        #: Entities that were recognised, and the predicates there.
        self.understood: dict[str, Any] = answer["understood"]
        #: Ways to understand the question, the best first; `reading` of an answer is a position here.
        self.readings: list[dict[str, Any]] = answer["readings"]
        #: How many answers there are beside those given.
        self.total: int = answer["total"]
        #: Why there is no answer.
        self.message: str | None = answer["message"]

    def to_dict(self) -> dict[str, Any]:
        """The answer as `chiasm ask --json` prints it."""
        return self._answer
