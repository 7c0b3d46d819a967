"""A question as words, and the parts of it that may name an entity."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

from chiasm.errors import UsageError
from chiasm.questions.names import Candidate, NameIndex
from chiasm.questions.wording import SOFT, STOP, Token, tokens

__all__ = ["Mention", "Question"]

_MAX_LETTERS = 2000
#: Words of a question that count, and of one mention; of one that is not written as the name is.
_MAX_WORDS, _LONGEST, _LONGEST_NEAR = 64, 10, 5
#: Entities of one name that are looked at.
_NAMESAKES = 8


@dataclass(frozen=True)
class Mention:
    """Words of a question that mean an entity, perhaps."""

    #: First word, and the one behind the last.
    start: int
    end: int
    text: str
    candidate: Candidate


class Question:
    """A question, taken apart.

    Raises:
        UsageError: It has no words, or far too many.
    """

    def __init__(self, text: str) -> None:
        self.text = unicodedata.normalize("NFC", text).strip()
        if len(self.text) > _MAX_LETTERS:
            raise UsageError(
                f"the question has {len(self.text)} characters",
                where="question",
                remedy=f"use at most {_MAX_LETTERS}",
            )
        self.tokens: list[Token] = tokens(self.text)[:_MAX_WORDS]
        if not self.tokens:
            raise UsageError(
                "the question has no words", where="question", remedy="ask as in `who wrote Hamlet?`"
            )

    def part(self, start: int, end: int) -> str:
        """Some of its words as they are written."""
        return self.text[self.tokens[start].start : self.tokens[end - 1].end]

    @cached_property
    def content(self) -> frozenset[int]:
        """Positions of words that say something."""
        return frozenset(at for at, token in enumerate(self.tokens) if token.text not in STOP)

    def others(self, start: int, end: int) -> dict[int, str]:
        """Words outside a mention that say something or ask where and when, by position."""
        return {
            at: token.text
            for at, token in enumerate(self.tokens)
            if not start <= at < end and (at in self.content or token.text in SOFT)
        }

    def named(self, names: NameIndex) -> list[Mention]:
        """Parts that are the name of an entity."""
        found = []
        for start in range(len(self.tokens)):
            for end in range(start + 1, min(start + _LONGEST, len(self.tokens)) + 1):
                if self._tells(range(start, end)):
                    text = self.part(start, end)
                    found += [Mention(start, end, text, one) for one in names.exact(text)[: 4 * _NAMESAKES]]
        return found

    def nearly_named(self, names: NameIndex) -> list[Mention]:
        """Parts that are almost the name of an entity."""
        found = []
        for start in sorted(self.content):
            for end in range(start + 1, min(start + _LONGEST_NEAR, len(self.tokens)) + 1):
                if end - 1 in self.content:
                    text = self.part(start, end)
                    found += [Mention(start, end, text, one) for one in names.near(text)[:_NAMESAKES]]
        return found

    def _tells(self, span: Iterable[int]) -> bool:
        """Whether it is more than question words, or written with a capital within the sentence."""
        return any(
            at in self.content or (at > 0 and self.text[self.tokens[at].start].isupper()) for at in span
        )
