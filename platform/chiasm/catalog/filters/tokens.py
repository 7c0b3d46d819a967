"""Words of the filter language, each with its place in the text."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any, Literal

from chiasm.errors import FilterError

__all__ = ["EXAMPLE", "KEYWORDS", "Token", "failure", "tokenize"]

#: For whoever has no better advice.
EXAMPLE = 'for example: year >= 1900 and "pet" in tags and exists(image)'
#: Words that are no attribute names unless written in backticks.
KEYWORDS = frozenset({"and", "or", "not", "in", "contains", "exists", "true", "false", "null"})

_SPACE = re.compile(r"\s+")
_NUMBER = re.compile(r"-?\d+(\.\d+)?([eE][+-]?\d+)?(?![\w.])")
_WORD = re.compile(r"[^\W\d]\w*")
_SYMBOL = re.compile(r"==|!=|<=|>=|<|>|\(|\)|\[|\]|,|\.")
_ESCAPED = {'"': re.compile(r'"(?:[^"\\]|\\.)*"', re.S), "`": re.compile(r"`(?:[^`\\]|\\.)*`", re.S)}
_SINGLE = re.compile(r"'(?:[^'\\]|\\.)*'", re.S)
#: Of the largest number of 64 bits.
_MAX_DIGITS = 19
#: How much of the text a message shows on each side of the place.
_SHOWN = 40


@dataclass(frozen=True)
class Token:
    """One word: a name, keyword, value or symbol."""

    kind: Literal["name", "keyword", "value", "symbol", "end"]
    #: The word itself; for values what they mean.
    value: Any
    #: Offset in the text.
    at: int


def tokenize(text: str) -> list[Token]:
    """The words of a filter, with one of kind ``end`` behind them.

    Raises:
        FilterError: A character or string that cannot be read.
    """
    tokens: list[Token] = []
    at = 0
    while at < len(text):
        if space := _SPACE.match(text, at):
            at = space.end()
            continue
        token, at = _next(text, at)
        tokens.append(token)
    return [*tokens, Token("end", "", len(text))]


def failure(text: str, at: int, what: str, remedy: str | None = None) -> FilterError:
    """An error that shows the place with a caret."""
    start, stop = max(0, at - _SHOWN), at + _SHOWN
    line = text[start:stop].replace("\n", " ")
    return FilterError(
        f"{what} at position {at + 1}\n  {line}\n  {' ' * (at - start)}^\n",
        where="--where",
        remedy=remedy or EXAMPLE,
    )


def _next(text: str, at: int) -> tuple[Token, int]:
    first = text[at]
    if first in "\"'`":
        return _quoted(text, at)
    if found := _NUMBER.match(text, at):
        return Token("value", _number(text, found), at), found.end()
    if found := _WORD.match(text, at):
        word = found.group()
        if word in ("true", "false", "null"):
            return Token("value", {"true": True, "false": False, "null": None}[word], at), found.end()
        return Token("keyword" if word in KEYWORDS else "name", word, at), found.end()
    if found := _SYMBOL.match(text, at):
        return Token("symbol", found.group(), at), found.end()
    advice = "use == for equality" if first == "=" else "write `and`, `or`, `not`" if first in "&|!" else None
    raise failure(text, at, f"unexpected {first!r}", advice)


def _quoted(text: str, at: int) -> tuple[Token, int]:
    quote = text[at]
    found = _SINGLE.match(text, at) if quote == "'" else _ESCAPED[quote].match(text, at)
    if found is None:
        raise failure(text, at, "a quote that is not closed", f"close it with {quote}")
    inner = found.group()[1:-1]
    if quote != '"':
        # The escapes are JSON's; only the quote itself differs.
        inner = re.sub(r"\\(.)|(\")", lambda m: _as_json(m, quote), inner, flags=re.S)
    try:
        value = json.loads(f'"{inner}"', strict=False)
    except ValueError as error:
        raise failure(text, at, "an escape that cannot be read", "escapes are those of JSON") from error
    return Token("name" if quote == "`" else "value", value, at), found.end()


def _as_json(match: re.Match[str], quote: str) -> str:
    if match.group(2):
        return '\\"'
    return quote if match.group(1) == quote else match.group()


def _number(text: str, found: re.Match[str]) -> int | float:
    if not (found.group(1) or found.group(2)):
        # Python itself refuses thousands of digits, and takes long over some fewer.
        if len(found.group().lstrip("-0")) > _MAX_DIGITS:
            raise failure(text, found.start(), "a whole number must fit 64 bits", "write it as 1.0e20")
        return int(found.group())
    number = float(found.group())
    if number in (float("inf"), float("-inf")):
        raise failure(text, found.start(), "a number that is too large")
    return number
