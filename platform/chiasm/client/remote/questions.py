"""A search as JSON; pictures and sounds go as base64."""

from __future__ import annotations

import base64
from dataclasses import fields
from typing import Any

from chiasm.client.parts import QueryPart
from chiasm.client.protocol import JsonDict, SearchRequest

__all__ = ["search_body"]

_SAME = tuple(field.name for field in fields(SearchRequest) if field.name != "parts")


def search_body(request: SearchRequest) -> JsonDict:
    """The body of `POST /v1/search`."""
    body = {name: getattr(request, name) for name in _SAME}
    given = {name: value for name, value in body.items() if value is not None}
    return {**given, "parts": [_part(part) for part in request.parts]}


def _part(part: QueryPart) -> dict[str, Any]:
    shown: dict[str, Any] = {"kind": part.kind, "weight": part.weight}
    if part.kind in ("image", "audio"):
        return {**shown, "base64": base64.b64encode(part.media_bytes()).decode("ascii")}
    value = part.value.tolist() if hasattr(part.value, "tolist") else part.value
    return {**shown, "value": value}
