"""`/v1/graph`: statements, neighbourhoods, paths."""

from __future__ import annotations

from itertools import islice
from typing import Annotated, Any

from fastapi import APIRouter, Query

from chiasm.api.access import Reader

__all__ = ["router"]

router = APIRouter(prefix="/v1/graph", tags=["graph"])


@router.get("")
def statements(
    backend: Reader,
    cursor: Annotated[int, Query(ge=0)] = 0,
    limit: Annotated[int, Query(ge=1, le=10_000)] = 1000,
) -> dict[str, Any]:
    """A page of all statements; `next_cursor` is null at the end."""
    rows = list(islice(backend.triples(after=cursor), limit))
    return {"statements": rows, "next_cursor": rows[-1]["id"] if len(rows) == limit else None}


@router.get("/{key:path}")
def around(
    backend: Reader,
    key: str,
    to: str | None = None,
    hops: Annotated[int | None, Query(ge=1, le=6)] = None,
    limit: Annotated[int, Query(ge=1, le=10_000)] = 1000,
) -> dict[str, Any]:
    """Edges and nodes around an entity; with `to`, the shortest paths to that entity."""
    if to is not None:
        found = backend.graph_paths(key, to, max_hops=hops or 4, limit=min(limit, 100))
        return {"key": key, "to": to, "paths": found}
    return backend.neighbours(key, hops=hops or 1, limit=limit)
