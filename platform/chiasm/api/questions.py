"""A search as it comes over HTTP, and as the facade means it."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal, TypeVar

from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from chiasm.client.parts import QueryPart, query_parts
from chiasm.client.protocol import SearchRequest
from chiasm.client.requests import recommend_request
from chiasm.errors import InputError, UsageError, within

__all__ = [
    "BatchBody",
    "MediaFiles",
    "PartBody",
    "RecommendBody",
    "SearchBody",
    "decoded",
    "recommendation",
    "search_request",
]

#: Names of media parts (`image`, `not_audio`, ...) to the files sent under them.
MediaFiles = Mapping[str, Sequence[bytes]]

#: Parts of a kind, numbers of a vector, searches of a batch.
_MAX_PARTS, _MAX_DIM, _MAX_BATCH = 1000, 65_536, 256

_Listed = str | Annotated[list[str], Field(max_length=_MAX_PARTS)] | None
_Vector = Annotated[list[float], Field(max_length=_MAX_DIM)]
_MEDIA = ("image", "audio")
_KINDS = ("text", *_MEDIA, "entity")
_Body = TypeVar("_Body", bound=BaseModel)


class PartBody(BaseModel):
    """One part of a query."""

    model_config = ConfigDict(extra="forbid")

    kind: Literal["text", "image", "audio", "entity", "vector"]
    #: Text, entity key, or vector.
    value: str | _Vector | None = None
    #: Encoded picture or sound.
    base64: str | None = None
    weight: float = 1.0


class Narrowing(BaseModel):
    """What every search has beside its parts: words, filters, the order and the number of hits."""

    model_config = ConfigDict(extra="forbid")

    #: Words, and phrases in double quotes, that titles and texts have any of.
    match: str | None = None
    #: How words and parts become one list: by ranks, or by scores.
    fuse: Literal["rrf", "weights"] = "rrf"
    into: str | None = None
    domain_from: str | None = None
    modality: str | None = None
    where: str | dict[str, Any] | None = None
    near: str | None = None
    hops: Annotated[int, Field(ge=1, le=6)] = 1
    #: Predicates that lead from `near` to hits: an expression, or steps.
    path: str | list[str | list[str]] | None = None
    diversity: Annotated[float, Field(ge=0, le=1)] = 0.0
    group_by: str | None = None
    group_size: Annotated[int, Field(ge=1, le=1000)] = 1
    k: Annotated[int, Field(ge=1, le=1000)] = 10
    #: `next_cursor` of an answer to the same search.
    cursor: str | None = None
    explain: bool = False
    stubs: bool = False


#: Their defaults are those of `SearchRequest`.
_NARROWING = frozenset(Narrowing.model_fields)


class SearchBody(Narrowing):
    """A search; `parts` and the short names may be mixed. Media are base64 strings."""

    parts: Annotated[list[PartBody], Field(max_length=_MAX_PARTS)] = []
    text: _Listed = None
    image: _Listed = None
    audio: _Listed = None
    entity: _Listed = None
    vector: _Vector | None = None
    not_text: _Listed = None
    not_image: _Listed = None
    not_audio: _Listed = None
    not_entity: _Listed = None
    weights: dict[str, float] = {}
    match_weight: Annotated[float, Field(gt=0)] = 1.0
    strategy: Literal["mix", "average", "best"] = "mix"

    @classmethod
    def from_json(cls, text: bytes | str) -> SearchBody:
        """The body read from JSON.

        Raises:
            RequestValidationError: It has another shape.
        """
        return _read(cls, text)


class BatchBody(BaseModel):
    """Several searches, answered from the same state, in their order."""

    model_config = ConfigDict(extra="forbid")

    queries: Annotated[list[SearchBody], Field(min_length=1, max_length=_MAX_BATCH)]

    @classmethod
    def from_json(cls, text: bytes | str) -> BatchBody:
        """The body read from JSON; raises as `SearchBody.from_json`."""
        return _read(cls, text)

    def requests(self) -> list[SearchRequest]:
        """Each with all its parts in one list; raises as `search_request`, naming the query."""
        found = []
        for number, body in enumerate(self.queries, start=1):
            with within(f"query {number}"):
                found.append(search_request(body))
        return found


def _read(kind: type[_Body], text: bytes | str) -> _Body:
    try:
        return kind.model_validate_json(text)
    except ValidationError as error:
        # Pydantic's own `input` may hold whole pictures; the place and the message are enough.
        found = error.errors(include_input=False, include_url=False)
        raise RequestValidationError([{**item, "loc": ("body", *item["loc"])} for item in found]) from error


class RecommendBody(Narrowing):
    """What somebody likes and dislikes: keys of entities."""

    liked: str | Annotated[list[str], Field(min_length=1, max_length=1000)]
    disliked: str | Annotated[list[str], Field(max_length=1000)] = []
    strategy: Literal["average", "best"] = "average"

    @classmethod
    def from_json(cls, text: bytes | str) -> RecommendBody:
        """The body read from JSON; raises as `SearchBody.from_json`."""
        return _read(cls, text)


def search_request(body: SearchBody, media: MediaFiles | None = None) -> SearchRequest:
    """The request with all parts in one list.

    Raises:
        InputError: Base64 is malformed.
        UsageError: There is nothing to look for.
    """
    files = media or {}
    # Of two dozen fields a body says two or three.
    said = body.model_fields_set | files.keys()
    positive: dict[str, Any] = {kind: _given(body, kind, files) for kind in _KINDS if kind in said}
    if "vector" in said:
        positive["vector"] = body.vector
    negative = {kind: _given(body, kind, files, "not_") for kind in _KINDS if f"not_{kind}" in said}
    listed = [_part(part) for part in body.parts]
    weights = dict(body.weights)
    match_weight = weights.pop("match", body.match_weight)
    listed += query_parts(
        positive=positive, negative=negative, weights=weights, others=listed, needed=body.match is None
    )
    return SearchRequest(parts=listed, match_weight=match_weight, strategy=body.strategy, **_narrowing(body))


def recommendation(body: RecommendBody) -> SearchRequest:
    """The request for what fits a taste.

    Raises:
        UsageError: Nothing is liked.
    """
    return recommend_request(body.liked, body.disliked, strategy=body.strategy, **_narrowing(body))


def _narrowing(body: Narrowing) -> dict[str, Any]:
    return {name: getattr(body, name) for name in body.model_fields_set & _NARROWING}


def _given(body: SearchBody, kind: str, files: MediaFiles, prefix: str = "") -> list[Any]:
    value = getattr(body, prefix + kind)
    items: list[Any] = [] if value is None else [value] if isinstance(value, str) else list(value)
    if kind in _MEDIA:
        items = [decoded(item, prefix + kind) for item in items]
    return [*items, *files.get(prefix + kind, ())]


def _part(part: PartBody) -> QueryPart:
    if part.kind in _MEDIA:
        if part.base64 is None:
            raise UsageError(
                f"the {part.kind} part has no content", where="parts", remedy="send it as base64"
            )
        return QueryPart(part.kind, decoded(part.base64, part.kind), part.weight)
    if part.value is None or isinstance(part.value, str) == (part.kind == "vector"):
        raise UsageError(
            f"the {part.kind} part has no value of its kind",
            where="parts",
            remedy="a vector is a list of numbers, any other value a string",
        )
    return QueryPart(part.kind, part.value, part.weight)


def decoded(text: str, where: str) -> bytes:
    """The bytes of base64; raises InputError if it is none."""
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise InputError(
            "the content is not base64", where=where, remedy="or send a multipart form"
        ) from error
