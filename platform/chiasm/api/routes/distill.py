"""`/v1/distill`: small encoders of large ones."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from chiasm.api.access import Admin

__all__ = ["router"]

router = APIRouter(prefix="/v1/distill", tags=["releases"])
_Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]


class Distillation(BaseModel):
    """What a student may cost, and what it must keep."""

    model_config = ConfigDict(extra="forbid")

    max_mb: _Positive
    max_ms: _Positive
    modality: Literal["text", "image", "audio"] = "text"
    min_retention: Annotated[float, Field(gt=0, le=1)] = 0.95
    release: str | None = None
    #: Of nets, or names of single ones; none tries all of the modality.
    kinds: Annotated[list[str], Field(max_length=100)] = []
    #: Further lines to teach a text student with; a path would be one of the server's files.
    corpus: list[str] = []
    overrides: dict[str, str] = {}
    seed: int = 0


@router.post("", status_code=202)
def distill(backend: Admin, body: Distillation) -> dict[str, Any]:
    """A job that finds the smallest student within a budget, and lets it ask if it keeps enough."""
    return {"job": backend.distill(**body.model_dump())}
