"""`/v1/graph/rules` and `/v1/graph/predict`: rules that hold, and what follows from them."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field

from chiasm.api.access import Reader
from chiasm.reasoning import PredictRequest, RulesRequest

__all__ = ["router"]

router = APIRouter(prefix="/v1/graph", tags=["graph"])

#: Characters of the caller's own rules.
_MAX_TEXT = 100_000
#: A request is a question, not a job: mining ends then and says so.
_MAX_SECONDS = 300.0
Seconds = Annotated[float, Field(ge=0.1, le=_MAX_SECONDS)]
Seed = Annotated[int, Field(ge=0, lt=2**63)]


class RulesAsked(BaseModel):
    """Which rules."""

    model_config = ConfigDict(extra="forbid")

    relation: str | None = None
    length: Annotated[int, Field(ge=1, le=3)] = 3
    constants: bool = True
    min_support: Annotated[int, Field(ge=1, le=2**31)] = 3
    min_confidence: Annotated[float, Field(ge=0, le=1)] = 0.1
    min_head_coverage: Annotated[float, Field(ge=0, le=1)] = 0.0
    limit: Annotated[int, Field(ge=1, le=10_000)] = 100
    max_seconds: Seconds = 60.0
    seed: Seed = 0


class RulesBody(RulesAsked):
    """Which rules, with the caller's own."""

    rules: Annotated[str, Field(max_length=_MAX_TEXT)] | None = None


class PredictAsked(BaseModel):
    """Which end of which relation."""

    model_config = ConfigDict(extra="forbid")

    relation: str
    head: str | None = None
    tail: str | None = None
    k: Annotated[int, Field(ge=1, le=1000)] = 10
    aggregation: Literal["maximum", "noisy_or"] = "maximum"
    known: bool = False
    max_seconds: Seconds = 60.0
    seed: Seed = 0


class PredictBody(PredictAsked):
    """Which end of which relation, with the caller's own rules."""

    rules: Annotated[str, Field(max_length=_MAX_TEXT)] | None = None


@router.get("/rules")
def list_rules(backend: Reader, asked: Annotated[RulesAsked, Query()]) -> dict[str, Any]:
    """Rules that hold in the graph, best first."""
    return backend.graph_rules(RulesRequest(**asked.model_dump()))


@router.post("/rules")
def measure_rules(backend: Reader, asked: RulesBody) -> dict[str, Any]:
    """The same, with rules of the caller's, one a line, measured and listed first."""
    return backend.graph_rules(RulesRequest(**asked.model_dump()))


@router.get("/predict")
def predict(backend: Reader, asked: Annotated[PredictAsked, Query()]) -> dict[str, Any]:
    """What may stand at the other end of a relation, with the facts, rules and cases that speak for it."""
    return backend.graph_predict(PredictRequest(**asked.model_dump()))


@router.post("/predict")
def predict_by(backend: Reader, asked: PredictBody) -> dict[str, Any]:
    """The same, by rules of the caller's too."""
    return backend.graph_predict(PredictRequest(**asked.model_dump()))
