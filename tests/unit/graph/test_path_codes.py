import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chiasm_graph import GraphError, Hierarchy, NodeFeatures, PathCoder, Triples

#: part_of: 1 and 2 to 0, 3 to 1, 4 to 3; has (downwards): 0 has 5; a loop of 6 and 7.
HEADS, RELATIONS, TAILS = [1, 2, 3, 4, 0, 6, 7], [0, 0, 0, 0, 1, 0, 0], [0, 0, 1, 3, 5, 7, 6]


def graph() -> Triples:
    return Triples(np.array(HEADS), np.array(RELATIONS), np.array(TAILS), num_nodes=9, num_relations=2)


def features() -> NodeFeatures:
    present = np.ones(9, dtype=bool)
    present[3] = False
    return NodeFeatures({"text": np.eye(9, dtype=np.float32)}, {"text": present})


def test_ancestors_come_nearest_first_by_every_tree():
    found = PathCoder([(0, True), (1, False)]).ancestors(graph(), np.array([4, 5, 8]))
    assert found.owner.tolist() == [0, 1, 0, 0]
    assert found.ancestor.tolist() == [3, 0, 1, 0]
    assert found.steps.tolist() == [1, 1, 2, 3]


def test_a_code_is_the_ancestors_features_the_nearest_the_most():
    codes = PathCoder([(0, True)]).codes(graph(), features(), np.array([4, 3, 0, 8]))
    # The parent of 4 has no features; roots and strangers have no path.
    expected = np.zeros(9)
    expected[[1, 0]] = 0.7**2, 0.7**3
    np.testing.assert_allclose(codes[0], expected / np.linalg.norm(expected), rtol=1e-6)
    np.testing.assert_allclose(np.linalg.norm(codes[:2], axis=1), 1, rtol=1e-6)
    assert np.isnan(codes[2:]).all()


def test_in_a_loop_a_node_is_not_its_own_ancestor():
    found = PathCoder([(0, True)]).ancestors(graph(), np.array([6]))
    assert found.ancestor.tolist() == [7]


def test_an_unknown_relation_is_refused():
    with pytest.raises(GraphError, match="no relation 5"):
        PathCoder([(5, True)]).ancestors(graph(), np.array([0]))


@given(
    st.lists(st.tuples(st.integers(0, 11), st.integers(0, 11)), max_size=30),
    st.lists(st.integers(0, 11), max_size=4),
)
def test_ancestors_are_those_of_a_hierarchy(pairs, nodes):
    ends = np.array(pairs, dtype=np.int64).reshape(-1, 2)
    of = Triples(ends[:, 0], np.zeros(len(ends), dtype=np.int64), ends[:, 1], num_nodes=12, num_relations=1)
    tree = Hierarchy(of, 0)
    found = PathCoder([(0, True)]).ancestors(of, np.array(nodes, dtype=np.int64))
    for place, node in enumerate(nodes):
        above, steps = tree.ancestors(node)
        mine = found.owner == place
        assert dict(zip(above.tolist(), steps.tolist(), strict=True)) == dict(
            zip(found.ancestor[mine].tolist(), found.steps[mine].tolist(), strict=True)
        )
