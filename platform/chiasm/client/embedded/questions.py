"""From what the caller handed in to the searcher's query, and from its result to what the caller gets."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, cast

from chiasm.client.embedded.filters import to_filter
from chiasm.client.hits import Hits
from chiasm.client.parts import QueryPart
from chiasm.client.protocol import SearchRequest
from chiasm.errors import MediaError, within

if TYPE_CHECKING:
    from chiasm.client.media import Medium
    from chiasm.media import Decoder
    from chiasm.search import Part, Query, SearchResult

__all__ = ["to_hits", "to_queries", "to_query"]


def to_queries(requests: Sequence[SearchRequest], decoder: Decoder | None) -> list[Query]:
    """The queries with their media decoded; an error says which of several it is about.

    Raises:
        ChiasmError: As `to_query`.
    """
    several = len(requests) > 1
    queries = []
    for number, request in enumerate(requests, start=1):
        with within(f"query {number}" if several else None):
            queries.append(to_query(request, decoder))
    return queries


def to_query(request: SearchRequest, decoder: Decoder | None) -> Query:
    """The query with its media decoded.

    Args:
        request: What was asked.
        decoder: Limited child for media of strangers; None decodes here.

    Raises:
        MediaError: A picture or a sound cannot be decoded.
        FilterError: `where` cannot be understood.
        UsageError: `path` cannot be understood, or an argument is out of range.
    """
    from chiasm.search import Query, parse_path

    # Fields of one name mean the same.
    said = {
        **vars(request),
        "parts": [_part(part, decoder) for part in request.parts],
        "where": to_filter(request.where) if request.where is not None else None,
        "path": parse_path(request.path) if request.path is not None else None,
    }
    return Query(**said)


def to_hits(result: SearchResult, media: Callable[[str], list[Medium]]) -> Hits:
    """The result as the caller sees it."""
    return Hits(
        result.hits,
        release=result.release,
        took_ms=round(result.took_ms, 2),
        query=result.asked.to_dict,
        warnings=result.warnings,
        next_cursor=result.go_on,
        media=media,
    )


def _part(part: QueryPart, decoder: Decoder | None) -> Part:
    from chiasm.search import Part

    value: Any = part.value
    if part.kind == "vector":
        import numpy as np

        value = np.asarray(value, dtype=np.float32)
    elif isinstance(value, bytes):
        value = _decoded(part.kind, value, decoder)
    return Part(kind=cast(Any, part.kind), value=value, weight=part.weight)


def _decoded(kind: str, content: bytes, decoder: Decoder | None) -> Any:
    from chiasm.media import decode_audio, decode_image

    picture, sound = (
        (decode_image, decode_audio) if decoder is None else (decoder.decode_image, decoder.decode_audio)
    )
    try:
        return picture(content) if kind == "image" else sound(content)
    except MediaError as error:
        # It has no name: it is one of the parts of the query.
        raise MediaError(
            error.what, where=error.where or f"the query's {kind}", remedy=error.remedy
        ) from error
