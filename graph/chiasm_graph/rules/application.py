"""What rules predict, and from which facts."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from chiasm_graph.errors import GraphError
from chiasm_graph.rules.facts import FactIndex, Walks
from chiasm_graph.rules.rule import RatedRule, Rule

__all__ = ["Aggregation", "Proposals", "RuleBase", "Scored", "aggregate", "evidence_of"]

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Aggregation = Literal["maximum", "noisy_or"]
#: Confidences of a candidate that are compared one after the other.
_DEPTH = 8
#: A rule with more walks from one start is a hub's, and says nothing there.
_MAX_EACH = 20_000
#: Starts at a time, so that all their walks fit.
_CHUNK = 200


class Proposals(NamedTuple):
    """Which rule proposes what, each ``(proposals,)``; one row for each rule, start and candidate."""

    owner: Ints
    candidate: Ints
    #: Position in `RuleBase.rules`.
    rule: Ints


class Scored(NamedTuple):
    """Candidates of each start, each ``(candidates,)``."""

    owner: Ints
    candidate: Ints
    #: In 0..1.
    score: Floats
    #: Place within all starts' candidates, greater is better; equal where nothing tells two apart.
    order: Ints


class RuleBase:
    """Rules over a graph, applied to many starts at once.

    Args:
        facts: What is known.
        rules: In any order.
    """

    def __init__(self, facts: FactIndex, rules: Iterable[RatedRule]) -> None:
        self.facts = facts
        self.rules: Sequence[RatedRule] = sorted(rules, key=lambda one: -one.weight)
        self.weights: Floats = np.array([one.weight for one in self.rules], dtype=np.float64)
        self._of: dict[int, list[int]] = defaultdict(list)
        for at, one in enumerate(self.rules):
            self._of[one.rule.head % max(facts.num_relations, 1)].append(at)

    def propose(self, half: int, starts: Ints) -> Proposals:
        """All that the rules say about ``(start, half, ?)``.

        Args:
            half: A relation, or a relation read backwards (then heads are asked for).
            starts: Nodes, each once, ``(n,)``.
        """
        found: list[tuple[Ints, Ints, Ints]] = []
        for at in self._of.get(half % self.facts.num_relations, ()):
            owner, candidate = self._ground(self.rules[at].rule, half, starts)
            if len(owner):
                found.append((owner, candidate, np.full(len(owner), at, dtype=np.int64)))
        if not found:
            nothing = np.zeros(0, dtype=np.int64)
            return Proposals(nothing, nothing, nothing)
        return Proposals(*(np.concatenate(columns) for columns in zip(*found, strict=True)))

    def pairs(self, at: int) -> tuple[Ints, Ints]:
        """Heads and tails of all that a rule says, each ``(n,)``; starts that are hubs say nothing."""
        rule = self.rules[at].rule
        starts = self.facts.starts(rule.body[0])
        owner, ends = self._ground(rule, rule.head, starts)
        return (ends, starts[owner]) if rule.head >= self.facts.num_relations else (starts[owner], ends)

    def grounding(self, at: int, half: int, start: int, candidate: int) -> list[tuple[int, int, int]]:
        """Facts ``(head, relation, tail)`` by which a rule leads from a start to a candidate, on one of its ways."""
        rule = self.rules[at].rule
        if rule.constant is not None:
            inner = start if rule.head == half and rule.constant == candidate else candidate
            ends = self.facts.follow(rule.body[0], np.array([inner]))[1]
            end = rule.end if rule.end is not None else int(ends[0])
            return [self._fact(inner, rule.body[0], end)]
        body = self._body(rule, half)
        walks = self._walks(body, np.array([start])).nodes
        [first, *_] = np.flatnonzero(walks[-1] == candidate).tolist()
        nodes = [int(column[first]) for column in walks]
        return [self._fact(a, step, b) for a, step, b in zip(nodes, body, nodes[1:], strict=False)]

    def _ground(self, rule: Rule, half: int, starts: Ints) -> tuple[Ints, Ints]:
        """Position in ``starts`` and candidate of what a rule says, each ``(n,)``, each pair once."""
        if rule.constant is None:
            return self._closed(self._body(rule, half), starts)
        if rule.head == half:
            holds = self._holds(rule, starts) & (starts != rule.constant)
            owner = np.flatnonzero(holds)
            return owner, np.full(len(owner), rule.constant, dtype=np.int64)
        # Asked from the constant's side: whoever has the property.
        owner = np.flatnonzero(starts == rule.constant)
        if not len(owner):
            return owner, owner
        members = self.facts.starts(rule.body[0])
        if rule.end is not None:
            members = self.facts.follow(self.facts.inverse(rule.body[0]), np.array([rule.end]))[1]
        else:
            members = members[self._holds(rule, members)]
        members = members[members != rule.constant]
        if len(members) > _MAX_EACH:
            return owner[:0], owner[:0]
        return np.repeat(owner, len(members)), members

    def _holds(self, rule: Rule, nodes: Ints) -> npt.NDArray[np.bool_]:
        if rule.end is not None:
            return self.facts.has(rule.body[0], nodes, np.full(len(nodes), rule.end))
        return self.facts.degree(rule.body[0], nodes) > 0

    def _body(self, rule: Rule, half: int) -> tuple[int, ...]:
        if half == rule.head:
            return rule.body
        return tuple(self.facts.inverse(step) for step in reversed(rule.body))

    def _closed(self, body: tuple[int, ...], starts: Ints) -> tuple[Ints, Ints]:
        codes = [np.zeros(0, dtype=np.int64)]
        for begin in range(0, len(starts), _CHUNK):
            walks = self._walks(body, starts[begin : begin + _CHUNK])
            codes.append(np.unique((begin + walks.owner) * self.facts.num_nodes + walks.nodes[-1]))
        return np.divmod(np.concatenate(codes), self.facts.num_nodes)

    def _walks(self, body: tuple[int, ...], starts: Ints) -> Walks:
        return self.facts.walk(body, starts, max_walks=_CHUNK * _MAX_EACH, max_each=_MAX_EACH)

    def _fact(self, here: int, half: int, there: int) -> tuple[int, int, int]:
        if half >= self.facts.num_relations:
            return there, half - self.facts.num_relations, here
        return here, half, there


def aggregate(
    proposals: Proposals, weights: Floats, num_nodes: int, *, how: Aggregation = "maximum"
) -> Scored:
    """One score a candidate.

    ``maximum`` is AnyBURL's: candidates compare by their best rule; where that is equal by their second best, and so
    on. ``noisy_or`` takes the rules as independent: ``1 - prod(1 - confidence)``.

    Args:
        proposals: From `RuleBase.propose`.
        weights: Of all rules, ``(rules,)``.
        num_nodes: Of the graph.
        how: maximum or noisy_or.

    Raises:
        GraphError: The aggregation is unknown.
    """
    if how not in ("maximum", "noisy_or"):
        raise GraphError(f"unknown aggregation {how!r}", where="aggregate", remedy="use maximum or noisy_or")
    confidence = weights[proposals.rule]
    code = proposals.owner * num_nodes + proposals.candidate
    by_code = np.lexsort((-confidence, code))
    code, confidence = code[by_code], confidence[by_code]
    names, first = np.unique(code, return_index=True)
    group = np.searchsorted(names, code)
    place = np.arange(len(code)) - first[group]
    owner, candidate = np.divmod(names, num_nodes)
    if how == "noisy_or":
        doubt = np.bincount(group, weights=np.log1p(-np.minimum(confidence, 1 - 1e-9)), minlength=len(names))
        score = -np.expm1(doubt)
        return Scored(owner, candidate, score, np.unique(score, return_inverse=True)[1])
    top = np.zeros((len(names), _DEPTH))
    shown = place < _DEPTH
    top[group[shown], place[shown]] = confidence[shown]
    return Scored(owner, candidate, top[:, 0].copy(), _places(top))


def _places(rows: Floats) -> Ints:
    """Place of each row by its first column, then its second, and so on; equal rows have equal places, ``(n,)``."""
    order = np.lexsort(rows.T[::-1])
    ordered = rows[order]
    step = np.zeros(len(rows), dtype=np.int64)
    step[1:] = (ordered[1:] != ordered[:-1]).any(axis=1)
    places = np.empty(len(rows), dtype=np.int64)
    places[order] = np.cumsum(step)
    return places


def evidence_of(proposals: Proposals, owner: int, candidate: int) -> Iterator[int]:
    """Rules that propose a candidate for a start, best first."""
    rows = (proposals.owner == owner) & (proposals.candidate == candidate)
    yield from np.sort(proposals.rule[rows]).tolist()
