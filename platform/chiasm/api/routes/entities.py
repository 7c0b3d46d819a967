"""`/v1/entities` and the content of their media."""

from __future__ import annotations

import json
from typing import Annotated, Any

from fastapi import APIRouter, Query, Response

from chiasm.api.access import Admin, Reader, Writer
from chiasm.api.revisions import IfMatch, etag, seen_revision
from chiasm.errors import FilterError, UsageError

__all__ = ["router"]

router = APIRouter(prefix="/v1", tags=["entities"])
#: What a browser may show; anything else is offered as a download.
_SHOWN = ("image/", "audio/")


@router.get("/entities")
def list_entities(
    backend: Reader,
    domain: str | None = None,
    where: Annotated[str | None, Query(description="An expression, or a filter tree as JSON.")] = None,
    stubs: bool = False,
    cursor: Annotated[int, Query(ge=0)] = 0,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
) -> dict[str, Any]:
    """A page of entities in order of arrival; `next_cursor` is null at the end."""
    return backend.entities(domain=domain, where=parsed_where(where), stubs=stubs, cursor=cursor, limit=limit)


@router.get("/entities/{key:path}")
def show(backend: Reader, key: str, response: Response) -> dict[str, Any]:
    """One entity with its assets and statements; `ETag` is its revision."""
    entity = backend.entity(key)
    response.headers["ETag"] = etag(entity["revision"])
    return entity


@router.delete("/entities/{key:path}", status_code=204)
def delete(backend: Writer, key: str, if_match: IfMatch = None) -> Response:
    """Delete an entity; with `If-Match` only if it still has that revision. Twice does no harm."""
    backend.delete(key, if_revision=seen_revision(if_match))
    return Response(status_code=204)


@router.delete("/entities", status_code=202)
def delete_everything(backend: Admin, everything: bool = False) -> dict[str, Any]:
    """A job that deletes all that the workspace holds: `{"job": ID}`; needs `everything=true`."""
    if not everything:
        raise UsageError("this deletes every entity", where="everything", remedy="say everything=true")
    return {"job": backend.clear(None)}


@router.delete("/domains/{name:path}", status_code=202)
def delete_domain(backend: Writer, name: str) -> dict[str, Any]:
    """A job that deletes the entities of a domain: `{"job": ID}`."""
    return {"job": backend.clear(name)}


@router.delete("/assets/{asset_id}", status_code=204)
def delete_asset(backend: Writer, asset_id: int) -> Response:
    """Delete one text, picture or sound; its entity stays."""
    backend.delete_asset(asset_id)
    return Response(status_code=204)


@router.get("/assets/{asset_id}", response_class=Response)
def content(backend: Reader, asset_id: int) -> Response:
    """The content of a picture or sound."""
    medium = backend.asset(asset_id)
    # Users' files must never run as pages of this service.
    headers = {"X-Content-Type-Options": "nosniff", "Content-Security-Policy": "default-src 'none'; sandbox"}
    if not medium.media_type.startswith(_SHOWN) or "svg" in medium.media_type:
        headers["Content-Disposition"] = "attachment"
    return Response(medium.content, media_type=medium.media_type, headers=headers)


def parsed_where(where: str | None) -> str | dict[str, Any] | None:
    """A filter from a query parameter, in either notation.

    Raises:
        FilterError: It looks like JSON and is none.
    """
    if where is None or not where.lstrip().startswith("{"):
        return where
    try:
        tree = json.loads(where)
    except (ValueError, RecursionError) as error:
        reason = "it is nested too deeply" if isinstance(error, RecursionError) else str(error)[:200]
        raise FilterError(
            f"the filter is not valid JSON: {reason}", where="where", remedy="or write it as an expression"
        ) from error
    return dict(tree)
