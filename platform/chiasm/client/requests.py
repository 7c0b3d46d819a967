"""From the arguments of a search to what the back ends understand."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any

from chiasm.client.parts import query_parts
from chiasm.client.protocol import SearchRequest
from chiasm.errors import UsageError, within

__all__ = ["batch_requests", "recommend_request", "search_request"]

#: Queries of one batch.
_MAX_BATCH = 256


def search_request(
    text: Any = None,
    *,
    image: Any = None,
    audio: Any = None,
    entity: Any = None,
    vector: Any = None,
    not_text: Any = None,
    not_image: Any = None,
    not_audio: Any = None,
    not_entity: Any = None,
    weights: Mapping[str, float] | None = None,
    match: str | None = None,
    **others: Any,
) -> SearchRequest:
    """The request of `KnowledgeBase.search`; `others` are its fields.

    Raises:
        UsageError: There is nothing to look for, or a weight is wrong.
    """
    weights = dict(weights or {})
    match_weight = weights.pop("match", 1.0)
    if match is None and match_weight != 1.0:
        raise UsageError("there is a weight for match, but nothing to match", where="weights")
    if not match_weight > 0:
        raise UsageError(f"the weight of match is {match_weight}, not positive", where="weights")
    parts = query_parts(
        positive={"text": text, "image": image, "audio": audio, "entity": entity, "vector": vector},
        negative={"text": not_text, "image": not_image, "audio": not_audio, "entity": not_entity},
        weights=weights,
        needed=match is None,
    )
    k = others.get("k", 1)
    if isinstance(k, int) and k < 1:
        raise UsageError(f"k is {k}, not positive", where="k", remedy="use 1 to 1000")
    return SearchRequest(parts=parts, match=match, match_weight=match_weight, **others)


def recommend_request(liked: Any, disliked: Any, *, strategy: str, **others: Any) -> SearchRequest:
    """The request of `KnowledgeBase.recommend`.

    Raises:
        UsageError: Nothing is liked, or the strategy is unknown.
    """
    if strategy not in ("average", "best"):
        raise UsageError(f"unknown strategy {strategy!r}", where="strategy", remedy="use average or best")
    if liked is None or (isinstance(liked, Sequence) and not liked):
        raise UsageError("nothing is liked", where="liked", remedy="name at least one entity that is")
    return search_request(entity=liked, not_entity=disliked or None, strategy=strategy, **others)


def batch_requests(queries: Sequence[str | Mapping[str, Any]]) -> list[SearchRequest]:
    """The requests of `KnowledgeBase.search_batch`.

    Raises:
        UsageError: There are too many, or one is wrong; it says which.
    """
    if len(queries) > _MAX_BATCH:
        raise UsageError(
            f"{len(queries)} queries in one batch", where="queries", remedy=f"use at most {_MAX_BATCH}"
        )
    return [_one_of_batch(number, query) for number, query in enumerate(queries, start=1)]


def _one_of_batch(number: int, query: str | Mapping[str, Any]) -> SearchRequest:
    given = {"text": query} if isinstance(query, str) else query
    with within(f"query {number}"):
        if not isinstance(given, Mapping):
            raise UsageError(
                f"it is {type(query).__name__}",
                remedy='a query is a text, or the arguments of a search as in {"text": "bell", "k": 5}',
            )
        unknown = sorted(map(str, given.keys() - _NAMES))
        if unknown:
            raise UsageError(
                f"no search has the argument {unknown[0][:80]!r}", remedy=f"use {', '.join(sorted(_NAMES))}"
            )
        try:
            return search_request(**given)
        except (TypeError, ValueError) as error:
            raise UsageError(
                f"an argument has another type: {error}"[:300], remedy="see what `kb.search` takes"
            ) from error


_PARTS = {name for name in inspect.signature(search_request).parameters if name != "others"}
#: Arguments of a search by name.
_NAMES = _PARTS | {field.name for field in fields(SearchRequest)} - {"parts", "match_weight", "strategy"}
