"""Rules and predictions as JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from chiasm.reasoning.knowledge import Knowledge

if TYPE_CHECKING:
    from chiasm_graph.rules import Prediction, RatedRule

__all__ = ["told_prediction", "told_rule"]

_DIGITS = 4


def told_rule(knowledge: Knowledge, one: RatedRule) -> dict[str, Any]:
    """`{"rule", "relation", "length", "support", "confidence", "pca_confidence", "head_coverage", "origin"}`."""
    from chiasm_graph.rules import spelled

    count = max(len(knowledge.replica.predicates), 1)
    return {
        "rule": spelled(one.rule, nodes=knowledge.replica.keys, relations=knowledge.replica.predicates),
        "relation": knowledge.replica.predicates[one.rule.head % count],
        "length": len(one.rule.body),
        "support": round(one.support),
        "predicted": round(one.predicted),
        "confidence": round(one.confidence, _DIGITS),
        "pca_confidence": round(one.pca_confidence, _DIGITS),
        "head_coverage": round(one.head_coverage, _DIGITS),
        "origin": one.origin,
    }


def told_prediction(knowledge: Knowledge, one: Prediction) -> dict[str, Any]:
    """A prediction with its facts, rules and cases; facts are `[head, relation, tail]`."""
    return {
        "key": knowledge.replica.keys[one.node],
        "title": knowledge.replica.titles[one.node],
        "score": round(one.score, _DIGITS),
        "known": one.known,
        "facts": [knowledge.named(fact) for fact in one.facts],
        "rules": [
            {
                **told_rule(knowledge, applied.rule),
                "facts": [knowledge.named(fact) for fact in applied.facts],
            }
            for applied in one.rules
        ],
        "cases": [
            {
                "key": knowledge.replica.keys[case.node],
                "title": knowledge.replica.titles[case.node],
                "weight": round(case.weight, _DIGITS),
                "facts": [knowledge.named(fact) for fact in case.facts],
            }
            for case in one.cases
        ],
    }
