"""`/v1/graph`: statements, neighbourhoods, paths."""

from __future__ import annotations

from itertools import islice
from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field

from chiasm.api.access import Reader
from chiasm.api.questions import decoded
from chiasm.client.parts import QueryPart

__all__ = ["router"]

router = APIRouter(prefix="/v1/graph", tags=["graph"])


@router.get("")
def statements(
    backend: Reader,
    cursor: Annotated[int, Query(ge=0)] = 0,
    limit: Annotated[int, Query(ge=1, le=10_000)] = 1000,
    key: str | None = None,
    to: str | None = None,
    hops: Annotated[int | None, Query(ge=1, le=6)] = None,
    by: str = "information",
) -> dict[str, Any]:
    """A page of all statements; `next_cursor` is null at the end. With `key`, as `/v1/graph/{key}`, of any key."""
    if key is not None:
        return around(backend, key, to, hops, limit, by)
    rows = list(islice(backend.triples(after=cursor), limit))
    return {"statements": rows, "next_cursor": rows[-1]["id"] if len(rows) == limit else None}


class LinkBody(BaseModel):
    """A mention: words, or a picture as base64."""

    model_config = ConfigDict(extra="forbid")

    mention: str | None = None
    image: str | None = None
    into: str | None = None
    k: Annotated[int, Field(ge=1, le=1000)] = 5


@router.post("/link")
def link(backend: Reader, body: LinkBody) -> dict[str, Any]:
    """Entities that a mention may mean, the best first."""
    image = None if body.image is None else QueryPart("image", decoded(body.image, "image"))
    return backend.link(mention=body.mention, image=image, k=body.k, into=body.into)


@router.get("/link")
def link_simply(
    backend: Reader,
    mention: str | None = None,
    into: str | None = None,
    k: Annotated[int, Query(ge=1, le=1000)] = 5,
    to: str | None = None,
    hops: Annotated[int | None, Query(ge=1, le=6)] = None,
) -> dict[str, Any]:
    """Entities that a mention may mean, the best first; without one, the entity of this key."""
    if mention is None:
        return around(backend, "link", to, hops)
    return backend.link(mention=mention, image=None, k=k, into=into)


@router.get("/near")
def near(
    backend: Reader,
    key: str | None = None,
    hops: Annotated[int | None, Query(ge=1, le=6)] = None,
    limit: Annotated[int, Query(ge=1, le=10_000)] = 20,
    into: str | None = None,
    to: str | None = None,
) -> dict[str, Any]:
    """What stands around an entity, the nearest first; without `key`, the entity of this key."""
    if key is None:
        return around(backend, "near", to, hops)
    return backend.graph_near(key, hops=hops or 2, limit=limit, into=into)


class TreesBody(BaseModel):
    """Predicates that are hierarchies whatever they look like."""

    model_config = ConfigDict(extra="forbid")

    declared: Annotated[list[str], Field(max_length=100)] = []


class WalkBody(BaseModel):
    """From where, which way, and in which hierarchy."""

    model_config = ConfigDict(extra="forbid")

    key: str
    below: bool = False
    predicate: str | None = None
    limit: Annotated[int, Field(ge=1, le=100_000)] = 1000


class CommonBody(BaseModel):
    """Two entities in a hierarchy."""

    model_config = ConfigDict(extra="forbid")

    one: str
    other: str
    predicate: str | None = None


class CheckBody(BaseModel):
    """Which flaws."""

    model_config = ConfigDict(extra="forbid")

    kind: str | None = None
    limit: Annotated[int, Field(ge=1, le=10_000)] = 100


@router.post("/trees")
def trees(backend: Reader, body: TreesBody) -> dict[str, Any]:
    """Predicates that form hierarchies, with their figures and cycles."""
    return backend.trees(declared=body.declared)


@router.get("/trees")
def trees_simply(
    backend: Reader,
    declared: Annotated[list[str] | None, Query(max_length=100)] = None,
    to: str | None = None,
    hops: Annotated[int | None, Query(ge=1, le=6)] = None,
) -> dict[str, Any]:
    """Predicates that form hierarchies; with `to` or `hops`, the entity of this key."""
    if to is not None or hops is not None:
        return around(backend, "trees", to, hops)
    return backend.trees(declared=declared or ())


@router.post("/trees/walk")
def walk(backend: Reader, body: WalkBody) -> dict[str, Any]:
    """Entities above or below one, the nearest first."""
    return backend.walk_tree(body.key, below=body.below, predicate=body.predicate, limit=body.limit)


@router.post("/trees/common")
def common(backend: Reader, body: CommonBody) -> dict[str, Any]:
    """The nearest entities above both of two."""
    return backend.common_ancestors(body.one, body.other, predicate=body.predicate)


@router.post("/check")
def check(backend: Reader, body: CheckBody) -> dict[str, Any]:
    """What is wrong in the graph, the surest first."""
    return backend.check_graph(kind=body.kind, limit=body.limit)


@router.get("/check")
def check_simply(
    backend: Reader,
    kind: str | None = None,
    limit: Annotated[int, Query(ge=1, le=10_000)] = 100,
    to: str | None = None,
    hops: Annotated[int | None, Query(ge=1, le=6)] = None,
) -> dict[str, Any]:
    """What is wrong in the graph; with `to` or `hops`, the entity of this key."""
    if to is not None or hops is not None:
        return around(backend, "check", to, hops, limit)
    return backend.check_graph(kind=kind, limit=limit)


@router.get("/{key:path}")
def around(
    backend: Reader,
    key: str,
    to: str | None = None,
    hops: Annotated[int | None, Query(ge=1, le=6)] = None,
    limit: Annotated[int, Query(ge=1, le=10_000)] = 1000,
    by: str = "information",
) -> dict[str, Any]:
    """Edges and nodes around an entity; with `to`, the paths to that entity by their information or their length."""
    if to is not None:
        return backend.graph_paths(key, to, max_hops=hops or 4, limit=min(limit, 100), by=by)
    return backend.neighbours(key, hops=hops or 1, limit=limit)
