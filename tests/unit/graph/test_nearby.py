import numpy as np

from chiasm_graph import Triples, greatest_nearby
from chiasm_graph.nearby import MOST_EDGES

NAN = np.nan


def test_neighbours_first_then_theirs():
    # clip 0 - class 1 - emoji 2, clip 3 - class 1, alone 4
    graph = Triples([0, 2, 3], [0, 1, 0], [1, 1, 1], num_nodes=5, num_relations=2)
    values = np.array([[0.9, NAN, NAN, 0.4, 0.7], [0.1, 0.8, NAN, NAN, NAN]], dtype=np.float32)
    found = greatest_nearby(values, graph)
    np.testing.assert_allclose(found[0], [0.9, 0.9, 0.9, 0.9, NAN], rtol=1e-6)
    np.testing.assert_allclose(found[1], [0.8, 0.1, 0.8, 0.8, NAN], rtol=1e-6)


def test_nothing_travels_two_steps_through_a_hub():
    many = MOST_EDGES + 1
    graph = Triples(
        np.arange(1, many + 1), np.zeros(many, int), np.zeros(many, int), num_nodes=many + 1, num_relations=1
    )
    values = np.full((1, many + 1), NAN, dtype=np.float32)
    values[0, 1] = 1.0
    found = greatest_nearby(values, graph)
    assert found[0, 0] == 1.0
    assert np.isnan(found[0, 1:]).all()
