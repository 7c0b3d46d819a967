import networkx
import numpy as np
import pytest

from chiasm_graph import ShapeError, Triples, named_path, to_networkx


@pytest.fixture
def chain() -> Triples:
    # 0 -a-> 1 -b-> 2 <-a- 3, node 4 alone, a loop at 2
    return Triples([0, 1, 3, 2], [0, 1, 0, 1], [1, 2, 2, 2], num_nodes=5, num_relations=2)


@pytest.mark.parametrize(
    ("heads", "relations", "tails"),
    [([0], [0], [0, 1]), ([5], [0], [0]), ([0], [2], [0]), ([-1], [0], [0])],
)
def test_arrays_that_do_not_fit_are_refused(heads, relations, tails):
    with pytest.raises(ShapeError):
        Triples(heads, relations, tails, num_nodes=5, num_relations=2)


def test_adjacency_has_both_directions_and_no_loops(chain):
    assert chain.degrees().tolist() == [1, 2, 2, 1, 0]
    owner, at = chain.half_edges([2, 4, 0])
    assert owner.tolist() == [0, 0, 2]
    assert sorted(
        zip(chain.adjacency.neighbour[at].tolist(), chain.adjacency.relation[at].tolist(), strict=False)
    ) == [
        (1, 0),
        (1, 3),
        (3, 2),
    ]
    assert chain.neighbours(2).tolist() == [1, 3]


@pytest.mark.parametrize(
    ("rows", "hops", "expected"),
    [([0], 0, [0]), ([0], 1, [0, 1]), ([0], 9, [0, 1, 2, 3]), ([4, 3], 1, [2, 3, 4])],
)
def test_neighbourhood(chain, rows, hops, expected):
    assert chain.neighbourhood(rows, hops).tolist() == expected


def test_paths_are_the_shortest_and_named(chain):
    assert chain.paths(0, 3, 2) == []
    (path,) = chain.paths(0, 3, 3)
    assert named_path(path, "pqrst", ["a", "b"]) == ["p", "a", "q", "b", "r", "^a", "s"]
    assert chain.paths(0, 4, 5) == [] and chain.paths(1, 1, 3) == []


def test_paths_agree_with_networkx():
    generator = np.random.default_rng(0)
    graph = Triples(*generator.integers(0, 40, (1, 60)), np.zeros(60), generator.integers(0, 40, 60), num_nodes=40, num_relations=1)  # fmt: skip # noqa: E501
    other = networkx.Graph(to_networkx(graph))
    for a, b in generator.integers(0, 40, (60, 2)).tolist():
        found = graph.paths(a, b, 4, limit=1000)
        if a != b and networkx.has_path(other, a, b) and networkx.shortest_path_length(other, a, b) <= 4:
            expected = {tuple(p) for p in networkx.all_shortest_paths(other, a, b)}
            assert {(a, *(step[2] for step in path)) for path in found} == expected
        else:
            assert found == []


def test_networkx_carries_names(chain):
    graph = to_networkx(chain, nodes=list("pqrst"), relations=["a", "b"])
    assert graph.number_of_nodes() == 5
    assert graph["p"]["q"]["a"]["predicate"] == "a"
    with pytest.raises(ShapeError):
        to_networkx(chain, nodes=["p"])


@pytest.mark.parametrize("seed", range(5))
def test_extended_is_as_made_at_once(seed):
    generator = np.random.default_rng(seed)
    columns = [generator.integers(0, top, 200) for top in (30, 4, 30)]
    whole = Triples(*columns, num_nodes=30, num_relations=4)
    for cut in (0, 1, 120, 199, 200):
        part = Triples(*(column[:cut] for column in columns), num_nodes=30, num_relations=4)
        assert len(part.adjacency.indptr) == 31
        made = part.extended(*(column[cut:] for column in columns))
        assert "adjacency" in made.__dict__ and len(made) == 200
        for ours, theirs in zip(made.adjacency, whole.adjacency, strict=True):
            assert ours.tolist() == theirs.tolist()
    assert "adjacency" not in Triples.empty(3).extended([], [], []).__dict__
