"""Rules and predictions, over HTTP."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

from chiasm.client.protocol import JsonDict
from chiasm.client.remote.wire import Wire

if TYPE_CHECKING:
    from chiasm.reasoning import ApplyRequest, PredictRequest, RulesRequest

__all__ = ["Reasoned"]


class Reasoned:
    """The part of the backend that mines rules and predicts by them."""

    _wire: Wire

    def graph_rules(self, asked: RulesRequest) -> JsonDict:
        """`{"revision", "count", "rules": [...], "out_of_time", "seconds"}`."""
        return self._wire.post("/v1/graph/rules", asdict(asked))

    def apply_rules(self, asked: ApplyRequest) -> JsonDict:
        """What rules say, written as statements of their own origin."""
        return self._wire.post("/v1/graph/rules/apply", asdict(asked))

    def withdraw_rules(self, *, relation: str | None, dry_run: bool) -> JsonDict:
        """`{"dry_run", "removed", "job"}`."""
        return self._wire.post("/v1/graph/rules/withdraw", {"relation": relation, "dry_run": dry_run})

    def graph_predict(self, asked: PredictRequest) -> JsonDict:
        """What may stand at the other end, with facts, rules and cases."""
        return self._wire.post("/v1/graph/predict", asdict(asked))
