"""Rules and predictions over what a workspace states."""

from chiasm.reasoning.asked import PredictRequest, RulesRequest
from chiasm.reasoning.knowledge import GIVEN
from chiasm.reasoning.reasoning import Reasoning

__all__ = ["GIVEN", "PredictRequest", "Reasoning", "RulesRequest"]
