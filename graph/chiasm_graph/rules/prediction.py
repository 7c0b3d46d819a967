"""Predictions with their reasons: facts, rules, cases."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from chiasm_graph.rules.application import Aggregation, Proposals, RuleBase, Scored, aggregate, evidence_of
from chiasm_graph.rules.cases import CaseBase, Votes
from chiasm_graph.rules.rule import RatedRule

__all__ = ["CASE_WEIGHT", "AppliedRule", "Case", "Prediction", "Reasoner", "combined"]

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Fact = tuple[int, int, int]
#: A case is weaker evidence than a rule: all cases of one mind count as a rule that is right half the time.
CASE_WEIGHT = 0.5
_SHOWN = 5


@dataclass(frozen=True)
class AppliedRule:
    """A rule that proposes a prediction, and the facts by which it does."""

    rule: RatedRule
    facts: list[Fact]


@dataclass(frozen=True)
class Case:
    """A node that resembles the one asked about, and of which the same holds."""

    node: int
    #: Share of all votes.
    weight: float
    #: Facts of the node asked about that the case has too.
    facts: list[Fact]


@dataclass(frozen=True)
class Prediction:
    """A node that may be the answer, and why."""

    node: int
    #: In 0..1.
    score: float
    #: Whether it is stated already.
    known: bool
    #: What is stated between the two nodes, and what the rules rest on.
    facts: list[Fact]
    rules: list[AppliedRule]
    cases: list[Case]


class Reasoner:
    """Answers ``(start, relation, ?)`` by rules and by cases.

    A candidate's score is ``1 - (1 - rules) * (1 - CASE_WEIGHT * cases)`` of what its rules say (see `aggregate`) and
    its share of the cases' votes; equal ones are told apart by their further rules.

    Args:
        cases: What is known, ready to be compared.
        rules: Mined or written.
        how: How several rules for one candidate count.
        voters: Nodes that vote.
    """

    def __init__(
        self, cases: CaseBase, rules: Iterable[RatedRule], *, how: Aggregation = "maximum", voters: int = 30
    ) -> None:
        self.facts = cases.facts
        self.rules = RuleBase(self.facts, rules)
        self.cases = cases
        self._how = how
        self._voters = voters

    def predict(self, half: int, start: int, *, k: int = 10, known: bool = False) -> list[Prediction]:
        """The best candidates, best first.

        Args:
            half: A relation, or ``relation + num_relations`` to ask for heads.
            start: The node at hand.
            k: How many.
            known: Whether stated ones are predicted too.
        """
        starts = np.array([start], dtype=np.int64)
        proposals = self.rules.propose(half, starts)
        scored = aggregate(proposals, self.rules.weights, self.facts.num_nodes, how=self._how)
        votes = self.cases.vote(half, starts, cases=self._voters)
        nodes, score, order = combined(scored, votes)
        stated = self.facts.has(half, np.full(len(nodes), start), nodes)
        wanted = np.flatnonzero(~stated | known)
        nodes, score, order, stated = nodes[wanted], score[wanted], order[wanted], stated[wanted]
        best = np.lexsort((nodes, -order, -score))[:k]
        return [
            self._told(half, start, int(nodes[at]), float(score[at]), bool(stated[at]), proposals, votes)
            for at in best
        ]

    def _told(
        self, half: int, start: int, node: int, score: float, known: bool, proposals: Proposals, votes: Votes
    ) -> Prediction:
        applied = [
            AppliedRule(self.rules.rules[at], self.rules.grounding(at, half, start, node))
            for at in list(evidence_of(proposals, 0, node))[:_SHOWN]
        ]
        speaking = np.flatnonzero(votes.candidate == node)
        speaking = speaking[np.argsort(-votes.weight[speaking], kind="stable")][:_SHOWN]
        cases = [
            Case(int(votes.case[at]), float(votes.weight[at]), self.cases.shared(start, int(votes.case[at])))
            for at in speaking
        ]
        facts = dict.fromkeys([*self._between(start, node), *(fact for one in applied for fact in one.facts)])
        return Prediction(node, score, known, list(facts), applied, cases)

    def _between(self, start: int, node: int) -> list[Fact]:
        _, halves = self.facts.between(np.array([start]), np.array([node]))
        count = self.facts.num_relations
        return [
            (start, half, node) if half < count else (node, half - count, start) for half in halves.tolist()
        ]


def combined(scored: Scored, votes: Votes) -> tuple[Ints, Floats, Ints]:
    """Candidates of one start, their scores, and their places by rules alone, each ``(candidates,)``."""
    nodes = np.union1d(scored.candidate, votes.candidate)
    by_rules, by_cases = np.zeros(len(nodes)), np.zeros(len(nodes))
    order = np.full(len(nodes), -1, dtype=np.int64)
    at = np.searchsorted(nodes, scored.candidate)
    by_rules[at], order[at] = scored.score, scored.order
    np.add.at(by_cases, np.searchsorted(nodes, votes.candidate), votes.weight)
    return nodes, 1 - (1 - by_rules) * (1 - CASE_WEIGHT * np.minimum(by_cases, 1.0)), order
