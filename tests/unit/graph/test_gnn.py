import numpy as np
import pytest
import torch

from chiasm_graph import (  # fmt: skip
    ComplexScorer,
    CompositionConv,
    NeighbourGnn,
    NodeFeatures,
    ShapeError,
    TreeSampler,
    Triples,
    pool,
)


def world(seed: int = 0) -> tuple[Triples, NodeFeatures]:
    generator = np.random.default_rng(seed)
    graph = Triples(
        generator.integers(0, 30, 80), generator.integers(0, 3, 80), generator.integers(0, 30, 80),
        num_nodes=32, num_relations=3,
    )  # fmt: skip
    values = {m: generator.normal(size=(32, d)).astype(np.float32) for m, d in (("text", 12), ("image", 6))}
    return graph, NodeFeatures(values, {m: generator.random(32) < 0.7 for m in values})


def network(seed: int = 0) -> NeighbourGnn:
    torch.manual_seed(seed)
    gnn = NeighbourGnn.build({"text": 12, "image": 6}, 3, dim=16, layers=2, dropout=0.0).eval()
    with torch.no_grad():
        for parameter in gnn.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    return gnn


def tokens(gnn, graph, features, seeds):
    with torch.inference_mode():
        return gnn(TreeSampler(graph, (16, 8)).sample(seeds), features, gnn.log_degrees(graph)).numpy()


def test_own_features_do_not_reach_the_own_token():
    graph, features = world()
    gnn, seeds = network(), np.flatnonzero(world()[0].degrees() > 0)
    before = tokens(gnn, graph, features, seeds)
    for at, seed in enumerate(seeds):
        values = {m: v.copy() for m, v in features.values.items()}
        present = {m: ~p if m == "image" else p.copy() for m, p in features.present.items()}
        for modality in values:
            values[modality][seed] = 100.0
            present[modality] = features.present[modality].copy()
            present[modality][seed] = not present[modality][seed]
        after = tokens(gnn, graph, NodeFeatures(values, present), seeds)
        assert after[at].tobytes() == before[at].tobytes()
        neighbour = graph.neighbours(int(seed))[0]
        other = int(np.flatnonzero(seeds == neighbour)[0])
        assert after[other].tobytes() != before[other].tobytes()


def test_a_fresh_layer_is_the_weighted_mean_of_its_neighbours():
    conv = CompositionConv(4, 1).eval()
    x = torch.randn(3, 4)
    out = conv(x, torch.tensor([0, 0, 2]), torch.tensor([0, 1, 0]), torch.zeros(3), 3)
    torch.testing.assert_close(out, torch.stack([(x[0] + x[1]) / 2, torch.zeros(4), x[2]]))
    hubs = conv(x, torch.tensor([0, 0, 2]), torch.tensor([0, 1, 0]), torch.tensor([0.0, 5.0, 0.0]), 3)
    assert (hubs[0] - x[0]).norm() < (hubs[0] - x[1]).norm()


def test_seeds_without_a_neighbour_get_zero_rows():
    graph, features = world()
    assert np.abs(tokens(network(), graph, features, [31])).sum() == 0


def test_pool_is_the_normalised_mean():
    values, present = pool(np.array([[3.0, 0], [0, 4], [0, 2]]), np.array([0, 2, 2]), 3)
    assert present.tolist() == [True, False, True]
    np.testing.assert_allclose(values, [[1, 0], [0, 0], [0, 1]])
    with pytest.raises(ShapeError):
        NodeFeatures({"text": values}, {"text": present[:2]})


def test_complex_scorer_starts_as_the_dot_product_and_can_be_asymmetric():
    scorer = ComplexScorer(2, 6)
    head, tail, relation = torch.randn(5, 6), torch.randn(5, 6), torch.zeros(5, dtype=torch.int64)
    torch.testing.assert_close(scorer(head, relation, tail), (head * tail).sum(-1))
    with torch.no_grad():
        scorer.imaginary.normal_()
    assert not torch.allclose(scorer(head, relation, tail), scorer(tail, relation, head))
    with pytest.raises(ShapeError):
        ComplexScorer(2, 5)
