import numpy as np
import pytest

from chiasm_graph import ShapeError, TreeSampler, Triples


@pytest.fixture
def star() -> Triples:
    # Hub 0 with 100 leaves; leaf 1 is also joined to leaf 2.
    heads = [*([0] * 100), 1]
    return Triples(heads, [*([0] * 100), 1], [*range(1, 101), 2], num_nodes=101, num_relations=2)


def test_fanout_bounds_the_tree_and_draws_each_half_edge_once(star):
    generator = np.random.default_rng(0)
    trees = TreeSampler(star, (8, 4)).sample([0, 0], generator=generator)
    first = trees.hops[0]
    assert len(first.nodes) == 16
    assert all(len(set(first.nodes[first.seeds == seed].tolist())) == 8 for seed in (0, 1))
    assert first.nodes[:8].tolist() != first.nodes[8:].tolist()


def test_without_a_generator_trees_are_always_the_same(star):
    sampler = TreeSampler(star, (8, 4))
    once, again = sampler.sample([0, 5]), sampler.sample([5, 0])
    assert (
        once.hops[0].nodes[once.hops[0].seeds == 0].tolist()
        == again.hops[0].nodes[again.hops[0].seeds == 1].tolist()
    )


def test_the_seed_is_masked_where_it_comes_back_and_not_expanded(star):
    trees = TreeSampler(star, (8, 200, 3)).sample([1])
    second = trees.hops[1]
    assert set(trees.hops[0].nodes.tolist()) == {0, 2}
    assert second.masked.sum() == 2 and (second.nodes[second.masked] == 1).all()
    assert 1 not in trees.nodes().tolist()
    masked = np.flatnonzero(second.masked)
    assert not np.isin(trees.hops[2].parents, masked).any()


def test_an_excluded_node_stands_nowhere(star):
    trees = TreeSampler(star, (8, 200)).sample([1, 3], exclude=np.array([2, -1]))
    for hop in trees.hops:
        assert 2 not in hop.nodes[hop.seeds == 0].tolist()
    assert 2 in trees.hops[1].nodes[trees.hops[1].seeds == 1].tolist()


def test_lonely_seeds_and_empty_batches(star):
    lonely = Triples.empty(3)
    assert [len(hop.nodes) for hop in TreeSampler(lonely, (4, 4)).sample([0, 1]).hops] == [0, 0]
    assert [len(hop.nodes) for hop in TreeSampler(star, (4,)).sample([]).hops] == [0]
    with pytest.raises(ShapeError):
        TreeSampler(star, ())
