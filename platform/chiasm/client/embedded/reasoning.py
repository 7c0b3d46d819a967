"""Rules and predictions, on a home opened in this process."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chiasm.client.embedded.tenant import Tenant
from chiasm.client.protocol import JsonDict

if TYPE_CHECKING:
    from chiasm.reasoning import ApplyRequest, PredictRequest, RulesRequest

__all__ = ["Reasoned"]


class Reasoned(Tenant):
    """The part of the backend that mines rules and predicts by them."""

    def graph_rules(self, asked: RulesRequest) -> JsonDict:
        """`{"revision", "count", "rules": [...], "out_of_time", "seconds"}`."""
        return self.home.reasoning().rules(self.workspace_id, asked)

    def apply_rules(self, asked: ApplyRequest) -> JsonDict:
        """What rules say, written as statements of their own origin."""
        from chiasm.reasoning import apply_rules

        home = self.home
        done = apply_rules(home.settings, home.catalog, home.reasoning(), self.workspace_id, asked)
        self._woken(done["job"])
        return done

    def withdraw_rules(self, *, relation: str | None, dry_run: bool) -> JsonDict:
        """`{"dry_run", "removed", "job"}`."""
        from chiasm.reasoning import withdraw_rules

        home = self.home
        done = withdraw_rules(
            home.settings, home.catalog, self.workspace_id, relation=relation, dry_run=dry_run
        )
        self._woken(done["job"])
        return done

    def graph_predict(self, asked: PredictRequest) -> JsonDict:
        """What may stand at the other end, with facts, rules and cases."""
        return self.home.reasoning().predict(self.workspace_id, asked)
