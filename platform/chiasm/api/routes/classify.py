"""`/v1/classify`: which label fits."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from chiasm.api.access import Reader
from chiasm.api.questions import decoded
from chiasm.client.parts import query_parts

__all__ = ["router"]

router = APIRouter(prefix="/v1", tags=["search"])
_Listed = str | Annotated[list[str], Field(max_length=100)] | None
_Labels = Annotated[list[str], Field(max_length=1000)]


class ClassifyBody(BaseModel):
    """A thing, and the labels that it may have. Media are base64 strings."""

    model_config = ConfigDict(extra="forbid")

    text: _Listed = None
    image: _Listed = None
    audio: _Listed = None
    labels: _Labels = []
    #: Label to keys of entities that have it.
    examples: dict[str, _Labels] = {}
    #: Attribute whose values are the labels.
    by: str | None = None


@router.post("/classify")
def classify(backend: Reader, body: ClassifyBody) -> dict[str, Any]:
    """Labels with their chances, the likeliest first."""
    given = {"text": body.text, "image": _media(body.image, "image"), "audio": _media(body.audio, "audio")}
    return backend.classify(
        parts=query_parts(positive=given), labels=body.labels, examples=body.examples, by=body.by
    )


def _media(given: str | list[str] | None, kind: str) -> list[bytes] | None:
    if given is None:
        return None
    return [decoded(one, kind) for one in ([given] if isinstance(given, str) else given)]
