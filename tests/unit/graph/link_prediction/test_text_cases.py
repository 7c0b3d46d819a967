import math

import pytest
import torch

from chiasm_graph import Triples
from chiasm_graph.errors import ShapeError
from chiasm_graph.link_prediction.text import TextAnalogies, TextCases

#: Two bells (0, 1) and a sword (2); bronze (3), iron (4); relation 0 is made_of, 1 has nothing.
GRAPH = Triples([1, 2, 0], [0, 0, 1], [3, 4, 2], num_nodes=5, num_relations=2)
VECTORS = torch.tensor([[1.0, 0.1, 0], [1, 0, 0], [0, 1, 0], [1, 0, 1], [0, 1, 1]])


def asked(head: int, relation: int) -> tuple[torch.Tensor, torch.Tensor]:
    return torch.tensor([head]), torch.tensor([relation])


def test_what_holds_of_alike_heads_is_voted_for():
    row = TextCases(VECTORS, GRAPH, cases=2, sharpness=5.0).scores(*asked(0, 0))[0]
    near, far = 5 / math.sqrt(1.01), 0.5 / math.sqrt(1.01)
    share = math.exp(near) / (math.exp(near) + math.exp(far))
    assert row[3] == pytest.approx(math.log((1e-3 + share) / 1e-3), abs=1e-3)
    assert row[4] == pytest.approx(math.log((1e-3 + 1 - share) / 1e-3), abs=1e-3)
    assert row[:3].tolist() == pytest.approx([0, 0, 0], abs=1e-5)


def test_the_heads_own_facts_are_no_case():
    row = TextCases(VECTORS, GRAPH, cases=2).scores(*asked(1, 0))[0]
    assert row[3] == pytest.approx(0, abs=1e-5) and row[4] > 6


def test_heads_are_asked_for_by_the_reciprocal_relation():
    assert TextCases(VECTORS, GRAPH).scores(*asked(4, 2))[0].argmax() == 1


def test_an_analogy_finds_what_nobody_voted_for():
    # From a thing to its twin in another plane; 4 is the twin of 0 and in no triple.
    vectors = torch.tensor([[1.0, 0.2, 0], [1, 0, 0], [1, 0, 2], [0, 1, 2], [1, 0.2, 2]])
    graph = Triples([1], [0], [2], num_nodes=5, num_relations=1)
    found = TextAnalogies(vectors, graph).scores(*asked(0, 0))[0]
    assert TextCases(vectors, graph).scores(*asked(0, 0))[0, 4] == pytest.approx(0, abs=1e-5)
    assert sorted(found.topk(2).indices.tolist()) == [2, 4]


@pytest.mark.parametrize("kind", [TextCases, TextAnalogies])
def test_a_relation_without_facts_says_nothing_new(kind):
    graph = Triples([1], [0], [3], num_nodes=5, num_relations=2)
    rows = kind(VECTORS, graph).scores(torch.tensor([0, 0]), torch.tensor([1, 3]))
    assert torch.isfinite(rows).all() and torch.equal(rows[0], rows[1])


def test_one_vector_an_entity():
    with pytest.raises(ShapeError, match="one vector for each of 5"):
        TextCases(VECTORS[:4], GRAPH)
