"""Rules and cases over a graph: mined, written, applied, and shown as reasons."""

from chiasm_graph.rules.application import Proposals, RuleBase, Scored, aggregate, evidence_of
from chiasm_graph.rules.cases import CaseBase, Votes
from chiasm_graph.rules.counting import measured
from chiasm_graph.rules.deriving import Derived, derive
from chiasm_graph.rules.facts import FactIndex
from chiasm_graph.rules.mining import MinedRules, MiningConfig, mine_rules
from chiasm_graph.rules.prediction import AppliedRule, Case, Prediction, Reasoner
from chiasm_graph.rules.printing import spelled
from chiasm_graph.rules.reading import RuleSyntaxError, read_rules
from chiasm_graph.rules.rule import RatedRule, Rule

__all__ = [
    "AppliedRule",
    "Case",
    "CaseBase",
    "Derived",
    "FactIndex",
    "MinedRules",
    "MiningConfig",
    "Prediction",
    "Proposals",
    "RatedRule",
    "Reasoner",
    "Rule",
    "RuleBase",
    "RuleSyntaxError",
    "Scored",
    "Votes",
    "aggregate",
    "derive",
    "evidence_of",
    "measured",
    "mine_rules",
    "read_rules",
    "spelled",
]
