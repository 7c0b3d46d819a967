"""Hierarchies: recognised, walked, and circular ones reported."""

from __future__ import annotations

import networkx as nx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chiasm_graph import GraphError, Hierarchy, Triples, find_hierarchies, shape_of

EDGES = st.lists(st.tuples(st.integers(0, 7), st.integers(0, 7)), max_size=16)


def graph_of(edges: list[tuple[int, int]], *, nodes: int = 8) -> Triples:
    heads, tails = ([one[at] for one in edges] for at in (0, 1))
    return Triples(heads, [0] * len(edges), tails, num_nodes=nodes, num_relations=1)


#: 1 and 2 are part of 0, 3 and 4 of 1, 5 of 2, 6 of 5.
TREE = [(1, 0), (2, 0), (3, 1), (4, 1), (5, 2), (6, 5)]


@pytest.mark.parametrize(
    ("edges", "expected"),
    [
        (TREE, True),
        ([(b, a) for a, b in TREE], False),
        ([(1, 0), (2, 0), (3, 0), (4, 0)], None),  # too flat
        ([(1, 0), (2, 1), (3, 2), (4, 3), (5, 4)], None),  # a chain
        ([(0, 1), (1, 0), (2, 3), (3, 2)], None),  # both ways
        ([(a, b) for a in range(6) for b in range(a)], None),  # many parents
        ([], None),
    ],
)
def test_recognised(edges: list[tuple[int, int]], expected: bool | None) -> None:
    found = find_hierarchies(graph_of(edges))
    assert [shape.upward for shape in found] == ([] if expected is None else [expected])


def test_walks() -> None:
    tree = Hierarchy(graph_of(TREE), 0)
    assert [part.tolist() for part in tree.ancestors(6)] == [[5, 2, 0], [1, 2, 3]]
    assert [part.tolist() for part in tree.subtree(2)] == [[5, 6], [1, 2]]
    assert tree.subtree(7)[0].tolist() == [] and tree.lowest_common(7, 1).tolist() == []
    assert [tree.lowest_common(*pair).tolist() for pair in ((3, 4), (3, 6), (6, 2), (3, 3))] == [
        [1],
        [0],
        [2],
        [3],
    ]
    assert tree.levels.tolist() == [0, 1, 1, 2, 2, 2, 3, -1] and tree.cycles() == []
    with pytest.raises(GraphError, match="no relation 1"):
        Hierarchy(graph_of(TREE), 1)


def test_cycles_are_told_and_end() -> None:
    tree = Hierarchy(graph_of([*TREE, (0, 6), (7, 3)]), 0)
    assert tree.cycles() == [[0, 2, 5, 6]]
    assert set(tree.ancestors(0)[0].tolist()) == {2, 5, 6}
    shape = shape_of(graph_of([*TREE, (0, 6), (7, 3)]), 0)
    assert shape.acyclic == 0.5 and not shape.is_hierarchy


@settings(deadline=None)
@given(EDGES)
def test_as_networkx_says(edges: list[tuple[int, int]]) -> None:
    known: nx.DiGraph[int] = nx.DiGraph()
    known.add_nodes_from(range(8))
    known.add_edges_from((a, b) for a, b in edges if a != b)
    tree = Hierarchy(graph_of(edges), 0)
    for node in range(8):
        found, steps = tree.ancestors(node)
        distance = nx.single_source_shortest_path_length(known, node)
        assert dict(zip(found.tolist(), steps.tolist(), strict=True)) == {
            n: d for n, d in distance.items() if n != node
        }
        assert set(tree.subtree(node)[0].tolist()) == nx.ancestors(known, node)
    assert (tree.cycles() == []) is nx.is_directed_acyclic_graph(known)
    if tree.cycles() == []:
        assert tree.levels.max(initial=0) == nx.dag_longest_path_length(known, default_weight=1)
    assert tree.circular.any() == bool(tree.cycles())


def test_half_a_million_edges_take_no_recursion() -> None:
    nodes = 500_000
    chain = Triples(
        np.arange(1, nodes),
        np.zeros(nodes - 1),
        np.arange(nodes - 1) // 2,
        num_nodes=nodes,
        num_relations=1,
    )
    [shape] = find_hierarchies(chain)
    assert shape.depth == 18 and shape.functional == 1.0 and shape.roots == 1
    assert len(Hierarchy(chain, 0).subtree(0)[0]) == nodes - 1
