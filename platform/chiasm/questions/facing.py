"""Which way a predicate is meant: is the entity that is named its subject or its object?"""

from __future__ import annotations

from collections.abc import Collection, Sequence

__all__ = ["facing"]

_AUXILIARIES = frozenset(
    {"am", "are", "can", "could", "did", "do", "does", "had", "has", "have", "is", "s", "was", "were", "will"}
)
_ARTICLES = frozenset({"a", "an", "the"})
#: What a predicate is worth that is meant the other way.
_OTHER_WAY = 0.6


def facing(
    words: Sequence[str], used: Collection[int], start: int, end: int, *, preposition: bool
) -> tuple[float, float]:
    """What a predicate is worth from the entity as subject, and from it as object.

    English word order is what tells: `capital of X` and `does X border` have X as the subject, `border X`, `born in
    X` and `part of X` (of a predicate `part_of`) as the object.

    Args:
        words: Of the question.
        used: Positions of the words that name the predicate.
        start: First word of the entity.
        end: The word behind its last one.
        preposition: Whether the predicate itself ends with one, as `part_of` does.
    """
    before = [at for at in used if at < start]
    subject = _is_subject(words, before, max(used, default=-1), start, end, preposition)
    return (1.0, _OTHER_WAY) if subject else (_OTHER_WAY, 1.0)


def _is_subject(
    words: Sequence[str], before: Sequence[int], last: int, start: int, end: int, preposition: bool
) -> bool:
    if last >= end:
        # `does X border`, but `is X the capital of`.
        dangling = "of" in words[last + 1 :]
        return preposition or not dangling
    if not before:
        return True
    between = [word for word in words[max(before) + 1 : start] if word not in _ARTICLES]
    if any(word in _AUXILIARIES for word in between):
        return True
    if not preposition and any(word in ("of", "for") for word in between):
        return "by" not in between
    return False
