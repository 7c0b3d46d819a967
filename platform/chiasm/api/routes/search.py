"""`/v1/search` (JSON, multipart with media, or a plain GET), `/v1/search/batch` and `/v1/recommend`."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request
from starlette.concurrency import run_in_threadpool

from chiasm.api.access import Reader
from chiasm.api.questions import BatchBody, RecommendBody, SearchBody, recommendation, search_request
from chiasm.api.routes.entities import parsed_where
from chiasm.api.uploads import form_search
from chiasm.errors import within

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


@router.get("/search")
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
    return backend.search(search_request(body))


@router.post("/search", openapi_extra=_BODIES)
async def search(backend: Reader, request: Request) -> dict[str, Any]:
    """Entities that fit any mix of words, pictures, sounds and entities best."""
    if request.headers.get("content-type", "").startswith("multipart/"):
        body, media = await form_search(request)
    else:
        body, media = SearchBody.from_json(await request.body()), {}
    return await run_in_threadpool(lambda: backend.search(search_request(body, media)))


@router.post("/search/batch")
def search_batch(backend: Reader, body: BatchBody) -> dict[str, Any]:
    """The answers to several searches, in their order, all from the same state: `{"results": [...]}`."""
    requests = []
    for number, query in enumerate(body.queries, start=1):
        with within(f"query {number}"):
            requests.append(search_request(query))
    return {"results": backend.search_batch(requests)}


@router.post("/recommend")
def recommend(backend: Reader, body: RecommendBody) -> dict[str, Any]:
    """Entities for somebody who likes some entities and dislikes others."""
    return backend.search(recommendation(body))
