"""`/v1/ask`: questions in words."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field

from chiasm.api.access import Reader

__all__ = ["AskBody", "router"]

router = APIRouter(prefix="/v1", tags=["graph"])


class AskBody(BaseModel):
    """A question."""

    model_config = ConfigDict(extra="forbid")

    question: str
    k: Annotated[int, Field(ge=1, le=1000)] = 10


@router.get("/ask")
def ask_simply(
    backend: Reader, question: str, k: Annotated[int, Query(ge=1, le=1000)] = 10
) -> dict[str, Any]:
    """What the graph answers to a question in words, with the statements that say so."""
    return backend.ask(question, k=k)


@router.post("/ask")
def ask(backend: Reader, body: AskBody) -> dict[str, Any]:
    """What the graph answers to a question in words, with the statements that say so."""
    return backend.ask(body.question, k=body.k)
