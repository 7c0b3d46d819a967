"""`/v1/search` (JSON, multipart with media, or a plain GET), `/v1/search/batch` and `/v1/recommend`."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request, Response
from starlette.concurrency import run_in_threadpool

from chiasm.api.access import Reader
from chiasm.api.desk import Desk
from chiasm.api.questions import BatchBody, RecommendBody, SearchBody, recommendation, search_request
from chiasm.api.routes.entities import parsed_where
from chiasm.api.uploads import form_search
from chiasm.client.embedded import EmbeddedBackend
from chiasm.client.protocol import SearchRequest

__all__ = ["router"]

router = APIRouter(prefix="/v1", tags=["search"])
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
_BATCH = {
    "requestBody": {
        "required": True,
        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/BatchBody"}}},
    }
}


@router.get("/search", response_model=dict[str, Any])
async def search_simply(
    backend: Reader,
    request: Request,
    text: Annotated[list[str] | None, Query()] = None,
    entity: Annotated[list[str] | None, Query()] = None,
    not_text: Annotated[list[str] | None, Query()] = None,
    into: str | None = None,
    modality: str | None = None,
    where: Annotated[str | None, Query(description="An expression, or a filter tree as JSON.")] = None,
    near: str | None = None,
    hops: Annotated[int, Query(ge=1, le=6)] = 1,
    path: Annotated[str | None, Query(description="As in made_of/^made_of.")] = None,
    match: Annotated[str | None, Query(description="Words and quoted phrases in titles and texts.")] = None,
    fuse: Literal["rrf", "weights"] = "rrf",
    diversity: Annotated[float, Query(ge=0, le=1)] = 0.0,
    group_by: Annotated[str | None, Query(description="domain, or an attribute.")] = None,
    group_size: Annotated[int, Query(ge=1, le=1000)] = 1,
    cursor: str | None = None,
    k: Annotated[int, Query(ge=1, le=1000)] = 10,
    explain: bool = False,
    stubs: bool = False,
) -> Response:
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
        path=path,
        match=match,
        fuse=fuse,
        diversity=diversity,
        group_by=group_by,
        group_size=group_size,
        cursor=cursor,
        k=k,
        explain=explain,
        stubs=stubs,
    )
    return await _answered(request, backend, search_request(body))


@router.post("/search", openapi_extra=_BODIES, response_model=dict[str, Any])
async def search(backend: Reader, request: Request) -> Response:
    """Entities that fit any mix of words, pictures, sounds and entities best."""
    # Plain JSON is answered before it comes here, by `chiasm.api.front`.
    body, media = await form_search(request)
    return await _answered(request, backend, await run_in_threadpool(search_request, body, media))


@router.post("/search/batch", openapi_extra=_BATCH, response_model=dict[str, Any])
async def search_batch(backend: Reader, request: Request) -> Response:
    """The answers to several searches at once, in their order: `{"results": [...]}`; all of them or none."""
    desk: Desk = request.app.state.desk
    asked = BatchBody.from_json(await request.body()).requests()
    return Response(await desk.search_batch(backend, asked), media_type="application/json")


@router.post("/recommend", response_model=dict[str, Any])
async def recommend(backend: Reader, request: Request, body: RecommendBody) -> Response:
    """Entities for somebody who likes some entities and dislikes others."""
    return await _answered(request, backend, recommendation(body))


async def _answered(request: Request, backend: EmbeddedBackend, asked: SearchRequest) -> Response:
    desk: Desk = request.app.state.desk
    return Response(await desk.search(backend, asked), media_type="application/json")
