"""How large a filter may be: databases and their drivers take only so much of an expression.

SQLite's expressions may be 1,000 deep, and a chain of `or` is as deep as it is long; its parser's stack holds 100
words that wait for their end, of which each level takes several; 64 tables may be joined, of which each step into
nested attributes is one.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from chiasm.errors import FilterError

__all__ = ["MAX_STEPS", "check_size", "check_text", "shortened"]

#: Steps into nested attributes: as deep as attributes may be.
MAX_STEPS = 32
#: Conditions, and values in lists, of one filter.
_MAX_PARTS = 500
#: Of `and`, `or` and `not` in each other, with the condition in the innermost one.
_MAX_LEVELS = 20
_MAX_CHARACTERS = 200_000
_SHOWN = 80
_REMEDY = "ask in several requests, or give what belongs together an attribute or a domain of its own"


def check_text(text: str) -> None:
    """Refuse a text before it is taken apart.

    Raises:
        FilterError: It is too long.
    """
    if len(text) > _MAX_CHARACTERS:
        raise FilterError(
            f"the filter has {len(text)} characters, more than {_MAX_CHARACTERS}",
            where="where",
            remedy=_REMEDY,
        )


def check_size(tree: Any) -> None:
    """Refuse a filter's JSON tree, or whatever came in its place, before it is read.

    Raises:
        FilterError: It has too many conditions, values or levels.
    """
    left, parts = [(tree, 0)], 0
    while left:
        item, depth = left.pop()
        inner = list(item.values()) if isinstance(item, Mapping) else item if isinstance(item, list) else []
        # A condition is one, each value of a list is one; what a condition is made of is not counted.
        parts += isinstance(item, Mapping) or sum(not isinstance(one, Mapping) for one in inner)
        if parts > _MAX_PARTS:
            raise FilterError(
                f"the filter has more than {_MAX_PARTS} conditions and values", where="where", remedy=_REMEDY
            )
        if depth > _MAX_LEVELS:
            raise FilterError(
                f"the filter has more than {_MAX_LEVELS} levels of nesting",
                where="where",
                remedy="flatten it",
            )
        left += [(one, depth + isinstance(item, Mapping)) for one in inner]


def shortened(word: Any) -> str:
    """A word as a message shows it."""
    shown = repr(word)
    return shown if len(shown) <= _SHOWN else f"{shown[:_SHOWN]}..."
