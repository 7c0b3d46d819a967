"""Mining, counting and applying rules on graphs whose rules are known."""

from __future__ import annotations

from collections import defaultdict

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chiasm_graph import GraphError, Triples
from chiasm_graph.rules import (
    CaseBase,
    FactIndex,
    MiningConfig,
    RatedRule,
    Reasoner,
    Rule,
    RuleBase,
    aggregate,
    measured,
    mine_rules,
)

BORN, CITY_OF, CITIZEN = range(3)


def people() -> Triples:
    """20 people born in 5 cities of 2 countries; 16 of them are citizens of where they were born."""
    rows = []
    for person in range(20):
        city = 20 + person % 5
        rows.append((person, BORN, city))
        if person < 16:
            rows.append((person, CITIZEN, 25 + city % 2))
    rows += [(city, CITY_OF, 25 + city % 2) for city in range(20, 25)]
    return Triples(*np.array(rows).T, num_nodes=27, num_relations=3)


def test_the_rule_that_made_the_data_is_found_with_its_figures():
    mined = mine_rules(people())
    assert not mined.out_of_time
    found = next(one for one in mined.rules if one.rule == Rule(CITIZEN, (BORN, CITY_OF)))
    assert (found.support, found.predicted) == (16, 20)
    assert found.confidence == pytest.approx(0.8)
    assert found.pca_confidence == pytest.approx(1.0)
    assert found.head_coverage == pytest.approx(1.0)
    assert mined.rules[0] == found


def test_a_rule_with_a_constant_is_found():
    mined = mine_rules(people())
    found = next(one for one in mined.rules if one.rule == Rule(CITIZEN, (BORN,), 25, 20))
    assert (found.support, found.predicted, found.confidence) == (4, 4, 1.0)


def test_the_same_seed_gives_the_same_rules():
    rng = np.random.default_rng(5)
    graph = Triples(
        rng.integers(0, 40, 400),
        rng.integers(0, 4, 400),
        rng.integers(0, 40, 400),
        num_nodes=40,
        num_relations=4,
    )
    config = MiningConfig(samples=20, max_starts=10, seed=3)
    assert mine_rules(graph, config).rules == mine_rules(graph, config).rules


def test_only_the_relations_asked_for():
    found = mine_rules(people(), MiningConfig(heads=frozenset({CITIZEN}))).rules
    assert found and {one.rule.head % 3 for one in found} == {CITIZEN}


@pytest.mark.parametrize(
    "graph", [Triples.empty(0), Triples.empty(3), Triples([1], [0], [1], num_nodes=2, num_relations=1)]
)
def test_nothing_to_find(graph):
    assert mine_rules(graph).rules == []


@pytest.mark.parametrize(
    "wrong", [{"max_length": 4}, {"min_support": 0}, {"min_confidence": 1.5}, {"min_head_coverage": -1}]
)
def test_impossible_settings(wrong):
    with pytest.raises(GraphError):
        MiningConfig(**wrong)


graphs = st.lists(st.tuples(st.integers(0, 6), st.integers(0, 2), st.integers(0, 6)), min_size=1, max_size=25)


def _by_hand(edges: set[tuple[int, int, int]], body: tuple[int, ...], start: int) -> set[int]:
    """Ends of all walks that come to no node twice."""
    ends = defaultdict(set)
    for head, relation, tail in edges:
        ends[head, relation].add(tail)
        ends[tail, relation + 3].add(head)
    walks = [(start,)]
    for step in body:
        walks = [(*walk, end) for walk in walks for end in ends[walk[-1], step] if end not in walk]
    return {walk[-1] for walk in walks}


@settings(max_examples=30, deadline=None)
@given(graphs, st.lists(st.integers(0, 5), min_size=1, max_size=3), st.integers(0, 2))
def test_application_and_counts_are_those_of_a_plain_search(edges, body, head):
    graph = Triples(*np.array(edges).T, num_nodes=7, num_relations=3)
    facts = FactIndex(graph)
    plain = {edge for edge in edges if edge[0] != edge[2]}
    rule = RatedRule(Rule(head, tuple(body)), 0, 0, 0.5, 0.5, 0, origin="user")
    base = RuleBase(facts, [rule])
    nodes = np.arange(7)
    wanted = {(x, y) for x in range(7) for y in _by_hand(plain, tuple(body), x)}
    there = base.propose(head, nodes)
    back = base.propose(head + 3, nodes)
    assert set(zip(there.owner.tolist(), there.candidate.tolist(), strict=True)) == wanted
    assert set(zip(back.candidate.tolist(), back.owner.tolist(), strict=True)) == wanted
    found = measured(facts, rule)
    assert found.predicted == pytest.approx(len(wanted))
    assert found.support == pytest.approx(len(wanted & {(h, t) for h, r, t in plain if r == head}))
    for x, y in wanted:
        told = base.grounding(0, head, x, y)
        assert len(told) == len(body) and set(told) <= plain


@settings(max_examples=20, deadline=None)
@given(graphs)
def test_mined_figures_are_those_of_a_plain_search(edges):
    graph = Triples(*np.array(edges).T, num_nodes=7, num_relations=3)
    plain = {edge for edge in edges if edge[0] != edge[2]}
    for one in mine_rules(graph, MiningConfig(constants=False, min_support=1)).rules:
        pairs = {(x, y) for x in range(7) for y in _by_hand(plain, one.rule.body, x)}
        right = {(x, y) for x, y in pairs if (x, one.rule.head, y) in plain}
        assert one.predicted == pytest.approx(len(pairs))
        assert one.support == pytest.approx(len(right))
        assert one.confidence == pytest.approx(len(right) / len(pairs))


def test_maximum_compares_rule_after_rule_and_noisy_or_adds_up():
    graph = Triples([0, 0, 0, 0], [0, 1, 0, 2], [1, 1, 2, 3], num_nodes=4, num_relations=4)
    rated = [
        RatedRule(Rule(3, (relation,)), 0, 0, confidence, 0, 0, origin="user")
        for relation, confidence in ((0, 0.5), (1, 0.2), (2, 0.6))
    ]
    base = RuleBase(FactIndex(graph), rated)
    proposals = base.propose(3, np.array([0]))
    best = aggregate(proposals, base.weights, 4)
    places = dict(zip(best.candidate.tolist(), best.order.tolist(), strict=True))
    assert places[3] > places[1] > places[2]
    several = aggregate(proposals, base.weights, 4, how="noisy_or")
    scores = dict(zip(several.candidate.tolist(), several.score.tolist(), strict=True))
    assert scores == pytest.approx({1: 0.6, 2: 0.5, 3: 0.6})
    with pytest.raises(GraphError, match="unknown aggregation"):
        aggregate(proposals, base.weights, 4, how="sum")  # type: ignore[arg-type]


def test_cases_are_those_that_share_what_is_rare():
    votes = CaseBase(FactIndex(people())).vote(CITIZEN, np.array([16]))
    # Born in city 21, as persons 1, 6 and 11.
    assert set(votes.case.tolist()) == {1, 6, 11}
    assert set(votes.candidate.tolist()) == {26}
    assert votes.weight.sum() == pytest.approx(1.0)


@pytest.mark.parametrize(("half", "start", "wanted"), [(CITIZEN, 16, 26), (CITIZEN + 3, 26, 16)])
def test_a_prediction_says_why(half, start, wanted):
    graph = people()
    reasoner = Reasoner(CaseBase(FactIndex(graph)), mine_rules(graph).rules)
    answers = reasoner.predict(half, start, k=5)
    first = next(one for one in answers if one.node == wanted)
    assert not first.known and 0 < first.score <= 1
    facts = set(zip(graph.heads.tolist(), graph.relations.tolist(), graph.tails.tolist(), strict=True))
    assert first.rules[0].rule.rule == Rule(CITIZEN, (BORN, CITY_OF))
    assert set(first.rules[0].facts) == {(16, BORN, 21), (21, CITY_OF, 26)}
    assert set(first.facts) <= facts
    assert all(set(case.facts) <= facts for case in first.cases)
    stated = reasoner.predict(CITIZEN, 0, k=5, known=True)
    assert stated[0].known and [one for one in reasoner.predict(CITIZEN, 0) if one.known] == []


def test_a_hub_does_not_make_mining_long():
    many = 3000
    rng = np.random.default_rng(0)
    heads = np.concatenate([np.arange(1, many), rng.integers(1, many, many)])
    tails = np.concatenate([np.zeros(many - 1, dtype=int), rng.integers(1, many, many)])
    relations = np.repeat([0, 1], [many - 1, many])
    graph = Triples(heads, relations, tails, num_nodes=many, num_relations=2)
    config = MiningConfig(samples=20, max_walks=5000, max_bodies=20)
    for one in mine_rules(graph, config).rules:
        assert one.predicted < many**2


def test_rules_are_well_formed():
    for wrong in ({"body": ()}, {"body": (0, 1, 2, 0)}, {"body": (0,), "end": 1}):
        with pytest.raises(GraphError):
            Rule(head=0, **wrong)
