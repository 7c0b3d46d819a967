"""Words as they are compared: folded, split, stemmed, and what else they may be called."""

from __future__ import annotations

import re
import threading
import unicodedata
from functools import lru_cache
from typing import NamedTuple

import snowballstemmer

__all__ = ["SOFT", "STOP", "Token", "alike", "fold", "phrase", "squashed", "stem", "tokens", "words"]

#: Letters and digits; a Chinese, Japanese or Korean sign is a word of its own, as nothing separates them.
_WORD = re.compile(
    r"[\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]|[^\W_\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]+"
)
_STEMMER = snowballstemmer.stemmer("english")
_stemming = threading.Lock()
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
#: Letters with a stroke, which Unicode does not take apart.
_STROKES = str.maketrans({"ø": "o", "ł": "l", "đ": "d", "ħ": "h", "æ": "ae", "œ": "oe", "ı": "i"})

_STOP_WORDS = """
a all am an and any are as at be been being between but by can could did do does each every for from give had has
have he her him his how i in into is it its know list made many me much name named of on one or out over s shall
she show so some tell than that the their them then there these they thing things this those to up was we were
what whats when where which who whom whose why will with would you
"""
#: Words that say nothing of what is asked.
STOP = frozenset(_STOP_WORDS.split())
#: Words that ask for a place or a time, and what predicates call that.
SOFT = {
    "in": ("place", "location", "located", "country", "city", "residence"),
    "where": ("place", "location", "located", "country", "city", "residence"),
    "when": ("date", "year", "time", "start", "end"),
}
#: Words for one thing; the first is only a name of the group.
_GROUPS = (
    "birth born birthplace",
    "death die dies died dead",
    "spouse wife husband marry married marries wed partner",
    "child children kid kids son sons daughter daughters",
    "parent parents father mother",
    "sibling siblings brother brothers sister sisters",
    "author write writes wrote written writer authored",
    "language speak speaks spoke spoken",
    "border borders neighbour neighbours neighbor neighbors adjacent bordering",
    "location place located situated lies",
    "creator create created maker make makes make manufacturer manufactured",
    "residence live lives lived reside resides living home",
    "education educated study studied studies alma school university attended attend",
    "employer work works worked employed job",
    "occupation job profession work living",
    "instrument play plays played",
    "founder found founded founds establish established",
    "award awards won win wins prize received",
    "member belong belongs membership",
    "genre style kind",
    "citizenship citizen nationality national country",
    "leader head leads led president governs",
    "religion faith believe believes worship",
    "owner owns owned own belongs",
    "influence influenced influences inspired inspire",
    "die cause killed kill kills",
    "part parts belongs contains contain",
    "actor cast starring stars star starred",
)


class Token(NamedTuple):
    """A word of a text."""

    #: Folded.
    text: str
    #: Where it stands.
    start: int
    end: int


def fold(text: str) -> str:
    """The text without case and accents."""
    if text.isascii():
        return text.lower()
    apart = unicodedata.normalize("NFKD", text.casefold())
    return "".join(sign for sign in apart if not unicodedata.combining(sign)).translate(_STROKES)


def tokens(text: str) -> list[Token]:
    """The words of a text in composed form (NFC), with their places."""
    return [Token(fold(found[0]), found.start(), found.end()) for found in _WORD.finditer(text)]


def words(text: str) -> list[str]:
    """The folded words of a text."""
    return _WORD.findall(fold(text if text.isascii() else unicodedata.normalize("NFC", text)))


def squashed(text: str) -> str:
    """The folded words without anything between them: what stays the same however a name is written."""
    return "".join(words(text))


def phrase(name: str) -> str:
    """What the name of a predicate or a key says: its last part, split at underscores and capitals."""
    last = re.split(r"[#/]", name.rstrip("#/"))[-1].rsplit(":", 1)[-1] or name
    return " ".join(_CAMEL.sub(" ", last).replace("_", " ").replace("-", " ").split())


@lru_cache(maxsize=50_000)
def stem(word: str) -> str:
    """A folded word without its endings; English alone, others lose little by it.

    References:
        Porter 2001, "Snowball: A language for stemming algorithms" (Porter2).
    """
    # It writes its steps into itself.
    with _stemming:
        found: str = _STEMMER.stemWord(word)
    return found


@lru_cache(maxsize=200_000)
def alike(one: str, other: str) -> float:
    """How much two folded words say the same: 1, or .9 for a common stem, .7 for words for one thing; else 0."""
    if one == other:
        return 1.0
    if stem(one) == stem(other):
        return 0.9
    return 0.7 if _groups(one) & _groups(other) else 0.0


@lru_cache(maxsize=50_000)
def _groups(word: str) -> frozenset[int]:
    return frozenset(_BY_WORD.get(word, ())) | frozenset(_BY_STEM.get(stem(word), ()))


_BY_WORD: dict[str, set[int]] = {}
_BY_STEM: dict[str, set[int]] = {}
for _number, _group in enumerate(_GROUPS):
    for _word in _group.split():
        _BY_WORD.setdefault(_word, set()).add(_number)
        _BY_STEM.setdefault(stem(_word), set()).add(_number)
