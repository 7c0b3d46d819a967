"""`/v1/evaluations`: judge a release, read the reports."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict

from chiasm.api.access import Reader, Writer

__all__ = ["router"]

router = APIRouter(prefix="/v1/evaluations", tags=["evaluations"])


class Judging(BaseModel):
    """What to judge."""

    model_config = ConfigDict(extra="forbid")

    release: str | None = None


@router.get("")
def list_evaluations(backend: Reader, limit: Annotated[int, Query(ge=1, le=200)] = 20) -> dict[str, Any]:
    """Reports, newest first."""
    return {"evaluations": backend.evaluations(limit=limit)}


@router.post("", status_code=202)
def evaluate(backend: Writer, body: Judging) -> dict[str, Any]:
    """A job that judges a release (default: the active one)."""
    return {"job": backend.evaluate(release=body.release)}
