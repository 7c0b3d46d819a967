"""Paths by what they say: exact against a plain search, and past hubs."""

from __future__ import annotations

import itertools
import math
import time

import networkx
import numpy as np
import pytest

from chiasm_graph import Triples, information_of, informative_paths, near_by_information, to_networkx


def plain_search(graph: Triples, a: int, b: int, max_hops: int) -> dict[tuple[int, ...], float]:
    """Each simple path by its nodes, with the bits of its rarest relations; written anew from the formula."""
    counts = np.bincount(graph.relations, minlength=graph.num_relations)
    rarest: dict[tuple[int, int], float] = {}
    for head, relation, tail in zip(graph.heads, graph.relations, graph.tails, strict=True):
        bits = math.log2(len(graph) / counts[relation])
        for pair in ((int(head), int(tail)), (int(tail), int(head))):
            rarest[pair] = max(rarest.get(pair, 0.0), bits)
    degrees = graph.degrees()
    other = networkx.Graph(to_networkx(graph))
    other.remove_edges_from(networkx.selfloop_edges(other))
    found = {}
    for path in networkx.all_simple_paths(other, a, b, cutoff=max_hops):
        bits = sum(rarest[pair] for pair in itertools.pairwise(path)) / (len(path) - 1)
        found[tuple(path)] = bits - sum(math.log2(degrees[node]) for node in path[1:-1])
    return found


@pytest.mark.parametrize("seed", range(8))
def test_order_is_that_of_a_plain_search(seed: int) -> None:
    generator = np.random.default_rng(seed)
    graph = Triples(
        generator.integers(0, 14, 30),
        generator.choice(4, 30, p=(0.6, 0.2, 0.1, 0.1)),
        generator.integers(0, 14, 30),
        num_nodes=14,
        num_relations=4,
    )
    for a, b in generator.integers(0, 14, (6, 2)).tolist():
        if a == b:
            continue
        wanted = plain_search(graph, a, b, 4)
        found = informative_paths(graph, a, b, 4, limit=10_000)
        assert found.complete
        nodes = [(a, *(there for _, _, there in one.steps)) for one in found.paths]
        assert set(nodes) == set(wanted)
        bits = [one.information for one in found.paths]
        assert bits == pytest.approx([wanted[one] for one in nodes])
        assert bits == sorted(bits, reverse=True)
        assert [information_of(graph, one.steps) for one in found.paths] == pytest.approx(bits)
        best = informative_paths(graph, a, b, 4, limit=3).paths
        assert [one.information for one in best] == pytest.approx(sorted(wanted.values(), reverse=True)[:3])


def test_a_path_over_a_hub_of_a_million_says_little() -> None:
    many = 1_000_000
    # Everybody is a human; 0 and 1 also share a rare hobby, and know each other over two friends.
    hub, hobby, first, second = many, many + 1, many + 2, many + 3
    heads = np.concatenate([np.arange(many), [0, 1, 0, first, second]])
    relations = np.concatenate([np.zeros(many), [1, 1, 2, 2, 2]])
    tails = np.concatenate([np.full(many, hub), [hobby, hobby, first, second, 1]])
    graph = Triples(heads, relations, tails, num_nodes=many + 4, num_relations=3)
    graph.degrees()
    began = time.perf_counter()
    found = informative_paths(graph, 0, 1, 4, limit=5)
    took = time.perf_counter() - began
    assert found.complete and took < 20
    assert [[there for _, _, there in one.steps] for one in found.paths] == [
        [hobby, 1],
        [first, second, 1],
        [hub, 1],
    ]
    bits = [one.information for one in found.paths]
    assert bits[0] == pytest.approx(math.log2((many + 5) / 2) - 1)
    assert bits[2] == pytest.approx(math.log2((many + 5) / many) - math.log2(many))
    # The shortest ones make no difference between the two.
    assert len(graph.paths(0, 1, 4)) == 2


def test_nothing_is_found_where_nothing_is() -> None:
    graph = Triples([0, 1, 3], [0, 0, 0], [1, 2, 3], num_nodes=5, num_relations=1)
    for a, b, hops in ((0, 0, 3), (0, 4, 3), (0, 2, 1), (0, 2, 0), (0, 3, 6)):
        assert informative_paths(graph, a, b, hops).paths == []
    assert informative_paths(Triples.empty(3), 0, 1, 4).paths == []
    assert len(informative_paths(graph, 0, 2, 2).paths) == 1
    assert information_of(graph, []) == 0.0


def test_a_search_that_is_given_up_says_so() -> None:
    size = 30
    heads, tails = np.triu_indices(size, 1)
    graph = Triples(heads, np.zeros(len(heads)), tails, num_nodes=size, num_relations=1)
    found = informative_paths(graph, 0, 1, 5, limit=1000, max_steps=500)
    assert not found.complete and 0 < len(found.paths) < 1000


@pytest.mark.parametrize("seed", range(4))
def test_what_is_near_is_what_a_plain_search_finds(seed: int) -> None:
    generator = np.random.default_rng(seed)
    graph = Triples(
        generator.integers(0, 14, 22),
        generator.choice(4, 22, p=(0.6, 0.2, 0.1, 0.1)),
        generator.integers(0, 14, 22),
        num_nodes=14,
        num_relations=4,
    )
    for hops in (1, 2, 3):
        found = near_by_information(graph, 0, hops)
        around = set(graph.neighbourhood([0], hops).tolist()) - {0}
        assert set(found.nodes.tolist()) == around and len(found.nodes) == len(around)
        for node, far, bits in zip(*(column.tolist() for column in found), strict=True):
            paths = plain_search(graph, 0, node, hops)
            assert far == min(map(len, paths)) - 1
            assert bits == pytest.approx(max(v for path, v in paths.items() if len(path) == far + 1))
        order = list(zip(found.hops.tolist(), (-found.information).tolist(), strict=True))
        assert order == sorted(order)
    assert len(near_by_information(Triples.empty(3), 0, 2).nodes) == 0
