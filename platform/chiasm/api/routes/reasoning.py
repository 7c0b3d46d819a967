"""`/v1/graph/rules` and `/v1/graph/predict`: rules that hold, what follows from them, and writing that down.

Ranges of values are those of `RulesRequest`, `ApplyRequest` and `PredictRequest`; here stand those of a service alone.
"""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field

from chiasm.api.access import Reader, Writer
from chiasm.reasoning import ApplyRequest, PredictRequest, RulesRequest

__all__ = ["router"]

router = APIRouter(prefix="/v1/graph", tags=["graph"])

#: Rules of the caller's own.
Rules = Annotated[str, Field(max_length=100_000)]
#: A request is a question, not a job: mining ends then and says so.
Seconds = Annotated[float, Field(le=300.0)]


class RulesAsked(BaseModel):
    """Which rules."""

    model_config = ConfigDict(extra="forbid")

    relation: str | None = None
    length: int = 3
    constants: bool = True
    min_support: int = 3
    min_confidence: float = 0.1
    min_head_coverage: float = 0.0
    limit: int = 100
    max_seconds: Seconds = 60.0
    seed: int = 0


class RulesBody(RulesAsked):
    """Which rules, with the caller's own."""

    rules: Rules | None = None


class ApplyBody(RulesBody):
    """Which rules are applied, and how much is written of what they say."""

    min_confidence: float = 0.8
    max_triples: int = 100_000
    dry_run: bool = False


class WithdrawBody(BaseModel):
    """What is taken out of what rules derived."""

    model_config = ConfigDict(extra="forbid")

    relation: str | None = None
    dry_run: bool = False


class PredictAsked(BaseModel):
    """Which end of which relation."""

    model_config = ConfigDict(extra="forbid")

    relation: str
    head: str | None = None
    tail: str | None = None
    k: int = 10
    aggregation: str = "maximum"
    known: bool = False
    max_seconds: Seconds = 60.0
    seed: int = 0


class PredictBody(PredictAsked):
    """Which end of which relation, with the caller's own rules."""

    rules: Rules | None = None


@router.get("/rules")
def list_rules(backend: Reader, asked: Annotated[RulesAsked, Query()]) -> dict[str, Any]:
    """Rules that hold in the graph, best first."""
    return backend.graph_rules(RulesRequest(**asked.model_dump()))


@router.post("/rules")
def measure_rules(backend: Reader, asked: RulesBody) -> dict[str, Any]:
    """The same, with rules of the caller's, one a line, measured and listed first."""
    return backend.graph_rules(RulesRequest(**asked.model_dump()))


@router.post("/rules/apply")
def apply(backend: Writer, asked: ApplyBody) -> dict[str, Any]:
    """Make the derived statements those that the rules say now; with `dry_run`, only tell."""
    return backend.apply_rules(ApplyRequest(**asked.model_dump()))


@router.post("/rules/withdraw")
def withdraw(backend: Writer, asked: WithdrawBody) -> dict[str, Any]:
    """Take out what rules derived."""
    return backend.withdraw_rules(relation=asked.relation, dry_run=asked.dry_run)


@router.get("/predict")
def predict(backend: Reader, asked: Annotated[PredictAsked, Query()]) -> dict[str, Any]:
    """What may stand at the other end of a relation, with the facts, rules and cases that speak for it."""
    return backend.graph_predict(PredictRequest(**asked.model_dump()))


@router.post("/predict")
def predict_by(backend: Reader, asked: PredictBody) -> dict[str, Any]:
    """The same, by rules of the caller's too."""
    return backend.graph_predict(PredictRequest(**asked.model_dump()))
