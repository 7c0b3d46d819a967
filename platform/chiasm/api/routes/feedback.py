"""`/v1/feedback`: what people say of hits."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field

from chiasm.api.access import Reader, Writer

__all__ = ["router"]

router = APIRouter(prefix="/v1/feedback", tags=["feedback"])


class Judged(BaseModel):
    """Hits of a query that were right, and that were wrong."""

    model_config = ConfigDict(extra="forbid")

    #: The words that were searched for.
    query: Annotated[str, Field(max_length=10_000)]
    accepted: Annotated[list[str], Field(max_length=200)] = []
    rejected: Annotated[list[str], Field(max_length=200)] = []
    #: Which answered, as an answer says; default the one that answers now.
    release: str | None = None


@router.post("")
def give(backend: Writer, body: Judged) -> dict[str, Any]:
    """Keep what somebody says of hits; saying it again changes nothing."""
    return backend.give_feedback(
        body.query, accepted=body.accepted, rejected=body.rejected, release=body.release
    )


@router.get("")
def list_feedback(
    backend: Reader,
    verdict: Literal["accepted", "rejected"] | None = None,
    release: str | None = None,
    cursor: Annotated[int, Query(ge=0)] = 0,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
) -> dict[str, Any]:
    """What was said, in order, a page at a time."""
    return backend.feedback(verdict=verdict, release=release, cursor=cursor, limit=limit)
