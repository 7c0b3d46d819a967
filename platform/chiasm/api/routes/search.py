"""`/v1/search`: JSON, multipart with media, or a plain GET."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from starlette.concurrency import run_in_threadpool

from chiasm.api.access import Reader
from chiasm.api.questions import SearchBody, search_request
from chiasm.api.routes.entities import parsed_where
from chiasm.api.uploads import form_search

__all__ = ["router"]

router = APIRouter(prefix="/v1/search", tags=["search"])
_BODIES = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {"schema": {"$ref": "#/components/schemas/SearchBody"}},
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "properties": {
                        "query": {
                            "type": "string",
                            "description": "A SearchBody as JSON; its media by file parts.",
                        },
                        "image": {"type": "array", "items": {"type": "string", "format": "binary"}},
                        "audio": {"type": "array", "items": {"type": "string", "format": "binary"}},
                        "not_image": {"type": "array", "items": {"type": "string", "format": "binary"}},
                        "not_audio": {"type": "array", "items": {"type": "string", "format": "binary"}},
                    },
                }
            },
        },
    }
}


@router.get("")
def search_simply(
    backend: Reader,
    text: Annotated[list[str] | None, Query()] = None,
    entity: Annotated[list[str] | None, Query()] = None,
    not_text: Annotated[list[str] | None, Query()] = None,
    into: str | None = None,
    modality: str | None = None,
    where: Annotated[str | None, Query(description="An expression, or a filter tree as JSON.")] = None,
    near: str | None = None,
    hops: Annotated[int, Query(ge=1, le=6)] = 1,
    k: Annotated[int, Query(ge=1, le=1000)] = 10,
    explain: bool = False,
    stubs: bool = False,
) -> dict[str, Any]:
    """Entities that fit words and entities best."""
    body = SearchBody(
        text=text,
        entity=entity,
        not_text=not_text,
        into=into,
        modality=modality,
        where=parsed_where(where),
        near=near,
        hops=hops,
        k=k,
        explain=explain,
        stubs=stubs,
    )
    return backend.search(search_request(body))


@router.post("", openapi_extra=_BODIES)
async def search(backend: Reader, request: Request) -> dict[str, Any]:
    """Entities that fit any mix of words, pictures, sounds and entities best."""
    if request.headers.get("content-type", "").startswith("multipart/"):
        body, media = await form_search(request)
    else:
        body, media = SearchBody.from_json(await request.body()), {}
    return await run_in_threadpool(lambda: backend.search(search_request(body, media)))
