"""Rules and predictions over what a workspace states."""

from chiasm.reasoning.applied import apply_rules, withdraw_rules
from chiasm.reasoning.asked import ApplyRequest, PredictRequest, RulesRequest
from chiasm.reasoning.reasoning import Reasoning

__all__ = ["ApplyRequest", "PredictRequest", "Reasoning", "RulesRequest", "apply_rules", "withdraw_rules"]
