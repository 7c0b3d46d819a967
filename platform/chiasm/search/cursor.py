"""Where an answer ended, as a word that the next question hands back.

It names the query, the release and the last hit. Nobody is harmed by a forged one: it says nothing that the caller
could not ask for. It carries a checksum, so that a damaged one is not taken for another place.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from dataclasses import fields
from typing import Any, NamedTuple

import numpy as np
import orjson

from chiasm.errors import UsageError
from chiasm.search.query import Part, Query

__all__ = ["Place", "place_of", "word_of"]

_REMEDY = "ask again without a cursor"
_CHECK_BYTES = 6
_MAX_LENGTH = 500
#: What may change from page to page.
_FREE = ("k", "cursor", "explain", "parts", "plain")
#: The rest of a query, and what it is where nobody says anything.
_ASKED = {field.name: field.default for field in fields(Query) if field.name not in _FREE}


class Place(NamedTuple):
    """The end of a page."""

    #: Hits up to here.
    offset: int
    #: The last hit, and its score.
    entity_id: int
    score: float


def word_of(place: Place, workspace_id: int, release: str, query: Query) -> str:
    """The cursor of a place in the answer to a query."""
    content = orjson.dumps([release, _digest(workspace_id, query), *place])
    return base64.urlsafe_b64encode(_check(content) + content).decode().rstrip("=")


def place_of(word: str, workspace_id: int, release: str, query: Query) -> Place:
    """The place that a cursor means.

    Raises:
        UsageError: It is none, or one of another query or release.
    """
    made_by, digest, *place = _content(word)
    if digest != _digest(workspace_id, query):
        raise UsageError("the cursor is of another query", where="cursor", remedy=_REMEDY)
    if made_by != release:
        raise UsageError(
            f"the cursor is of release {made_by}, and {release} answers now", where="cursor", remedy=_REMEDY
        )
    return Place(*place)


def _content(word: str) -> list[Any]:
    try:
        if len(word) > _MAX_LENGTH:
            raise ValueError("too long")
        data = base64.b64decode(word + "=" * (-len(word) % 4), altchars=b"-_", validate=True)
        content = data[_CHECK_BYTES:]
        if data[:_CHECK_BYTES] != _check(content):
            raise ValueError("the checksum differs")
        release, digest, offset, entity_id, score = json.loads(content)
        return [str(release), str(digest), int(offset), int(entity_id), float(score)]
    except (ValueError, TypeError, RecursionError, binascii.Error) as error:
        raise UsageError("this is not a cursor, or not all of it", where="cursor", remedy=_REMEDY) from error


def _check(content: bytes) -> bytes:
    return hashlib.sha256(content).digest()[:_CHECK_BYTES]


def _digest(workspace_id: int, query: Query) -> str:
    """What was asked, in few characters."""
    said = query.__dict__
    asked = [(name, said[name]) for name, unsaid in _ASKED.items() if said[name] != unsaid]
    hashed = hashlib.sha256(f"{workspace_id} {asked!r}".encode("utf-8", "surrogatepass"))
    for part in query.parts:
        hashed.update(f"\0{part.kind} {part.weight!r} ".encode())
        hashed.update(_bytes_of(part))
    return hashed.hexdigest()[:16]


def _bytes_of(part: Part) -> bytes:
    value = getattr(part.value, "samples", part.value)
    if isinstance(value, str):
        return value.encode("utf-8", "surrogatepass")
    array = np.ascontiguousarray(value)
    return str(array.shape).encode() + array.tobytes()
