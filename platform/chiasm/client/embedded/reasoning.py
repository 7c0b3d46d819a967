"""Rules and predictions, on a home opened in this process."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chiasm.client.embedded.tenant import Tenant
from chiasm.client.protocol import JsonDict

if TYPE_CHECKING:
    from chiasm.reasoning import PredictRequest, RulesRequest

__all__ = ["Reasoned"]


class Reasoned(Tenant):
    """The part of the backend that mines rules and predicts by them."""

    def graph_rules(self, asked: RulesRequest) -> JsonDict:
        """`{"revision", "count", "rules": [...], "out_of_time", "seconds"}`."""
        return self.home.reasoning().rules(self.workspace_id, asked)

    def graph_predict(self, asked: PredictRequest) -> JsonDict:
        """What may stand at the other end, with facts, rules and cases."""
        return self.home.reasoning().predict(self.workspace_id, asked)
