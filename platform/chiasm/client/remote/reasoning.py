"""Rules and predictions, over HTTP."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

from chiasm.client.protocol import JsonDict
from chiasm.client.remote.wire import Wire

if TYPE_CHECKING:
    from chiasm.reasoning import PredictRequest, RulesRequest

__all__ = ["Reasoned"]


class Reasoned:
    """The part of the backend that mines rules and predicts by them."""

    _wire: Wire

    def graph_rules(self, asked: RulesRequest) -> JsonDict:
        """`{"revision", "count", "rules": [...], "out_of_time", "seconds"}`."""
        return self._wire.post("/v1/graph/rules", asdict(asked))

    def graph_predict(self, asked: PredictRequest) -> JsonDict:
        """What may stand at the other end, with facts, rules and cases."""
        return self._wire.post("/v1/graph/predict", asdict(asked))
