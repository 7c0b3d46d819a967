from collections import Counter
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chiasm_graph import NegativeSampler, NeighbourSampler, ShapeError, Triples
from chiasm_graph.drawing import draw


def random_graph(seed: int, nodes: int, relations: int, triples: int) -> Triples:
    generator = np.random.default_rng(seed)
    heads, tails = generator.integers(0, nodes, (2, triples))
    return Triples(
        heads, generator.integers(0, relations, triples), tails, num_nodes=nodes, num_relations=relations
    )


@pytest.mark.parametrize(("count", "most"), [(5, 2), (6, 3), (4, 3), (9, 1)])
def test_every_subset_is_alike_likely(count, most):
    generator = np.random.default_rng(0)
    rounds = 20_000
    starts = np.arange(rounds) * 100
    owner, at = draw(starts, np.full(rounds, count), most, generator)
    assert owner.tolist() == np.repeat(np.arange(rounds), most).tolist()
    found = Counter(tuple(sorted(row)) for row in (at - starts[owner]).reshape(rounds, most).tolist())
    subsets = list(combinations(range(count), most))
    assert found.keys() == set(subsets)
    expected = rounds / len(subsets)
    chi_square = sum((found[one] - expected) ** 2 / expected for one in subsets)
    # Five standard deviations above the mean of the distribution.
    assert chi_square < len(subsets) - 1 + 5 * (2 * (len(subsets) - 1)) ** 0.5


def test_draw_takes_limits_one_by_one():
    starts, counts = np.array([0, 10, 20, 30, 40]), np.array([5, 5, 0, 5, 5])
    owner, at = draw(starts, counts, np.array([2, -1, 3, 0, 9]), np.random.default_rng(1))
    assert Counter(owner.tolist()) == {0: 2, 1: 5, 4: 5}
    assert len(set(at.tolist())) == 12 and at[owner == 1].tolist() == [10, 11, 12, 13, 14]


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 30), st.integers(1, 3), st.integers(0, 120), st.data())
def test_a_sample_is_a_subgraph_with_the_fanout(seed, nodes, relations, triples, data):
    graph = random_graph(seed, nodes, relations, triples)
    kinds = st.dictionaries(st.integers(0, 2 * relations - 1), st.integers(-1, 3), min_size=1)
    fanout = data.draw(st.lists(st.one_of(st.integers(-1, 4), kinds), min_size=1, max_size=3))
    seeds = data.draw(st.lists(st.integers(0, nodes - 1), max_size=6))
    sampler = NeighbourSampler(graph, fanout)
    found, again = (sampler.sample(seeds, np.random.default_rng(seed)) for _ in range(2))
    assert all(np.array_equal(one, other) for one, other in zip(found, again, strict=True))
    assert found.nodes[found.seeds].tolist() == seeds and len(set(found.nodes.tolist())) == len(found.nodes)
    known = {(h, r, t) for h, r, t in zip(graph.heads.tolist(), graph.relations.tolist(), graph.tails.tolist(), strict=True)}  # fmt: skip # noqa: E501
    rows = sampler.triple_of(found.half_edges)
    for source, target, relation, row in zip(
        found.nodes[found.sources], found.nodes[found.targets], found.relations, rows, strict=True
    ):
        turned = relation >= relations
        ends = (source, target) if turned else (target, source)
        assert (ends[0], relation % relations, ends[1]) in known
        assert (graph.heads[row], graph.relations[row], graph.tails[row]) == (
            ends[0],
            relation % relations,
            ends[1],
        )
    assert sum(found.hop_nodes) == len(found.nodes) and sum(found.hop_edges) == len(found.sources)
    node_ends, edge_ends = np.cumsum((0, *found.hop_nodes)), np.cumsum((0, *found.hop_edges))
    for hop, most in enumerate(fanout):
        edges = slice(edge_ends[hop], edge_ends[hop + 1])
        targets, drawn = found.targets[edges], found.half_edges[edges]
        assert len(set(drawn.tolist())) == len(drawn)
        for place in range(node_ends[hop], node_ends[hop + 1]):
            node = int(found.nodes[place])
            span = slice(graph.adjacency.indptr[node], graph.adjacency.indptr[node + 1])
            there = Counter(graph.adjacency.relation[span].tolist())
            mine = Counter(found.relations[edges][targets == place].tolist())
            if isinstance(most, dict):
                assert mine == +Counter({r: there[r] if n < 0 else min(n, there[r]) for r, n in most.items()})
            else:
                size = sum(there.values())
                assert sum(mine.values()) == (size if most < 0 else min(most, size))


def test_what_cannot_be_sampled_is_refused():
    graph = random_graph(0, 5, 2, 9)
    for fanout in ((), (-2,), ({4: 1},), ({0: -3},)):
        with pytest.raises(ShapeError):
            NeighbourSampler(graph, fanout)
    with pytest.raises(ShapeError, match=r"seeds must lie in 0\.\.4"):
        NeighbourSampler(graph, (2,)).sample([5], np.random.default_rng(0))
    lonely = NeighbourSampler(Triples([2], [0], [2], num_nodes=3, num_relations=1), (2, 2))
    assert lonely.sample([2, 0, 2], np.random.default_rng(0)).nodes.tolist() in ([2, 0], [0, 2])


@pytest.mark.parametrize("typed", [False, True])
def test_negatives_are_wrong_and_of_the_type(typed):
    graph = random_graph(3, 40, 3, 150)
    sampler = NegativeSampler(graph, typed=typed)
    known = set(zip(graph.heads.tolist(), graph.relations.tolist(), graph.tails.tolist(), strict=True))
    for turned, draw_ in ((False, sampler.tails), (True, sampler.heads)):
        given, ends = (graph.tails, graph.heads) if turned else (graph.heads, graph.tails)
        found = draw_(given, graph.relations, 7, np.random.default_rng(5))
        again = draw_(given, graph.relations, 7, np.random.default_rng(5))
        assert np.array_equal(found.nodes, again.nodes) and found.nodes.shape == (150, 7)
        for row, (node, relation) in enumerate(zip(given.tolist(), graph.relations.tolist(), strict=True)):
            for other, wrong in zip(found.nodes[row].tolist(), found.wrong[row].tolist(), strict=True):
                triple = (other, relation, node) if turned else (node, relation, other)
                assert wrong == (triple not in known)
                assert not typed or other in ends[graph.relations == relation]
        assert found.wrong.mean() > 0.99


def test_where_everything_is_true_that_is_said():
    graph = Triples([0, 0], [0, 0], [0, 1], num_nodes=2, num_relations=2)
    sampler = NegativeSampler(graph, typed=True)
    assert not sampler.tails([0], [0], 5, np.random.default_rng(0)).wrong.any()
    assert sampler.tails([0], [1], 5, np.random.default_rng(0)).wrong.all()
    with pytest.raises(ShapeError, match="relations must lie in"):
        sampler.tails([0], [2], 1, np.random.default_rng(0))
    with pytest.raises(ShapeError, match="without nodes"):
        NegativeSampler(Triples.empty(0))
