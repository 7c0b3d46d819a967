"""All that rules say of a graph, against a plain search."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chiasm_graph import Triples
from chiasm_graph.rules import FactIndex, RatedRule, Rule, derive

node = st.integers(0, 6)
graphs = st.lists(st.tuples(node, st.integers(0, 2), node), min_size=1, max_size=25, unique=True)
paths = st.builds(Rule, st.integers(0, 2), st.lists(st.integers(0, 5), min_size=1, max_size=3).map(tuple))
constants = st.builds(
    Rule, st.integers(0, 5), st.tuples(st.integers(0, 5)), constant=node, end=st.none() | node
)
rated = st.builds(
    lambda rule, sure: RatedRule(rule, 0, 0, sure / 10, 0, 0, origin="user"),
    paths | constants,
    st.integers(1, 10),
)


def said(rule: Rule, edges: set[tuple[int, int, int]]) -> set[tuple[int, int, int]]:
    """What a rule says, by trying everything."""
    halves = {(h, r, t) for h, r, t in edges} | {(t, r + 3, h) for h, r, t in edges}
    if rule.constant is None:
        walks = [(n,) for n in range(7)]
        for step in rule.body:
            walks = [(*w, n) for w in walks for n in range(7) if n not in w and (w[-1], step, n) in halves]
        return {(w[0], rule.head, w[-1]) for w in walks}
    some = {h for h, r, t in halves if r == rule.body[0] and rule.end in (None, t)} - {rule.constant}
    if rule.head < 3:
        return {(n, rule.head, rule.constant) for n in some}
    return {(rule.constant, rule.head - 3, n) for n in some}


@settings(max_examples=200, deadline=None)
@given(graphs, st.lists(rated, min_size=1, max_size=6))
def test_everything_that_is_said_and_not_stated_once_by_its_surest_rule(
    edges: list[tuple[int, int, int]], rules: list[RatedRule]
) -> None:
    graph = Triples(*np.array(edges).T, num_nodes=7, num_relations=3)
    plain = {edge for edge in edges if edge[0] != edge[2]}
    wanted: dict[tuple[int, int, int], float] = {}
    for one in rules:
        for triple in said(one.rule, plain) - plain:
            wanted[triple] = max(wanted.get(triple, 0.0), one.confidence)
    found = derive(FactIndex(graph), rules, limit=10_000)
    triples = list(zip(found.heads.tolist(), found.relations.tolist(), found.tails.tolist(), strict=True))
    assert len(set(triples)) == len(triples) and not found.truncated
    assert dict(zip(triples, found.confidence.tolist(), strict=True)) == wanted
    assert all(said(found.rules[at].rule, plain) >= {t} for at, t in zip(found.rule, triples, strict=True))
    assert (np.diff(found.confidence) <= 0).all()
    assert all(head != tail for head, _, tail in triples)


def test_a_limit_cuts_off_the_least_sure() -> None:
    graph = Triples([0, 1, 2], [0, 0, 1], [3, 4, 5], num_nodes=6, num_relations=3)
    rules = [
        RatedRule(Rule(2, (0,)), 0, 0, 0.5, 0, 0, origin="user"),
        RatedRule(Rule(2, (1,)), 0, 0, 0.9, 0, 0, origin="user"),
    ]
    found = derive(FactIndex(graph), rules, limit=2)
    assert found.heads.tolist() == [2, 0] and found.confidence.tolist() == pytest.approx([0.9, 0.5])
    assert found.truncated and not derive(FactIndex(graph), rules, limit=3).truncated
    assert len(derive(FactIndex(graph), rules, limit=1)) == 1
    over = derive(FactIndex(graph), rules, limit=9, stop=lambda: True)
    assert over.truncated and len(over) == 0
    assert len(derive(FactIndex(Triples.empty(3)), [], limit=9)) == 0
