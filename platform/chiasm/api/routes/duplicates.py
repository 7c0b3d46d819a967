"""`/v1/duplicates`: entities that may be one thing."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, ConfigDict, Field

from chiasm.api.access import Reader, Writer

__all__ = ["router"]

router = APIRouter(prefix="/v1/duplicates", tags=["duplicates"])

Modality = Literal["text", "image", "audio"]
State = Literal["found", "merged", "dismissed"]


class FindBody(BaseModel):
    """Where to look, and how sure to be."""

    model_config = ConfigDict(extra="forbid")

    domain: str | None = None
    modality: Modality | None = None
    min_confidence: Annotated[float, Field(gt=0, le=1)] = 0.9


class MergeBody(BaseModel):
    """What to merge."""

    model_config = ConfigDict(extra="forbid")

    keep: str
    others: Annotated[list[str], Field(min_length=1)]


class UnmergeBody(BaseModel):
    """What to take apart."""

    model_config = ConfigDict(extra="forbid")

    key: str


class DismissBody(BaseModel):
    """A pair that is none."""

    model_config = ConfigDict(extra="forbid")

    keys: Annotated[list[str], Field(min_length=2, max_length=2)]


@router.get("")
def list_duplicates(
    backend: Reader,
    state: State = "found",
    domain: str | None = None,
    modality: Modality | None = None,
    min_confidence: Annotated[float, Query(ge=0, le=1)] = 0.0,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
    offset: Annotated[int, Query(ge=0)] = 0,
) -> dict[str, Any]:
    """Pairs that a search found, or that were merged or dismissed; the surest first."""
    pairs = backend.duplicates(
        state=state,
        domain=domain,
        modality=modality,
        min_confidence=min_confidence,
        limit=limit,
        offset=offset,
    )
    return {"duplicates": pairs}


@router.post("", status_code=202)
def find(backend: Writer, body: FindBody) -> dict[str, Any]:
    """A job that compares all entities: `{"job": ID}`."""
    job_id = backend.find_duplicates(
        domain=body.domain, modality=body.modality, min_confidence=body.min_confidence
    )
    return {"job": job_id}


@router.post("/merge")
def merge(backend: Writer, body: MergeBody) -> dict[str, Any]:
    """Merge entities into one; `job` makes search right and may be null."""
    return backend.merge(body.keep, body.others)


@router.post("/unmerge")
def unmerge(backend: Writer, body: UnmergeBody) -> dict[str, Any]:
    """Make a merged entity what it was."""
    return backend.unmerge(body.key)


@router.post("/dismiss", status_code=204)
def dismiss(backend: Writer, body: DismissBody) -> Response:
    """Say that two entities are two things."""
    backend.dismiss_duplicate(*body.keys)
    return Response(status_code=204)
