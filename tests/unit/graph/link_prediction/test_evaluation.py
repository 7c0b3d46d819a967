import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from chiasm_graph.errors import GraphError, ShapeError
from chiasm_graph.link_prediction import LinkModel, evaluation, filtered_ranks, link_metrics_of


def model(entities: int = 6, relations: int = 2, *, seed: int = 0, levels: int | None = None) -> LinkModel:
    built = LinkModel.build("complex", entities, relations, 4, scale=1.0, seed=seed)
    if levels:
        # Few different vectors, so that scores tie; of whole numbers, or equal ones differ by their lane's rounding.
        with torch.no_grad():
            built.entities.copy_(built.entities[torch.arange(entities) % levels])
            for parameter in built.parameters():
                parameter.mul_(2).round_()
    return built


def naive(built: LinkModel, triples, known) -> list[float]:
    """A query at a time, by sorting what is left."""
    facts = {tuple(map(int, t)) for t in (*known, *triples)}
    ranks = []
    for turned in (False, True):
        for h, r, t in triples:
            head, relation, tail = (t, r + built.num_relations, h) if turned else (h, r, t)
            row = built.scores(torch.tensor([head]), torch.tensor([relation]))[0].detach().tolist()
            others = [
                row[e]
                for e in range(built.num_entities)
                if e != tail and ((e, r, head) if turned else (head, r, e)) not in facts
            ]
            better = sum(s > row[tail] for s in others)
            ranks.append(((better + 1) + (better + 1 + sum(s == row[tail] for s in others))) / 2)
    return ranks


@settings(max_examples=25, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 5), st.integers(0, 1), st.integers(0, 5)), min_size=1, max_size=12),
    st.lists(st.tuples(st.integers(0, 5), st.integers(0, 1), st.integers(0, 5)), max_size=12),
    st.sampled_from([None, 2]),
    st.sampled_from([6, 12, 1 << 20]),
)
def test_ranks_are_those_of_the_naive_way(triples, known, levels, block):
    built = model(levels=levels)
    facts = np.array(known, dtype=np.int64).reshape(-1, 3)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(evaluation, "BLOCK", block)
        found = filtered_ranks(built, np.array(triples), facts)
    assert found.tolist() == pytest.approx(naive(built, triples, known))


def test_a_model_that_ties_all_is_in_the_middle():
    built = model(9)
    with torch.no_grad():
        built.entities.fill_(1.0)
    assert filtered_ranks(built, np.array([[0, 0, 1]]), np.zeros((0, 3), np.int64)).tolist() == [5.0, 5.0]


@pytest.mark.parametrize(
    ("triple", "message"),
    [
        ([6, 0, 1], "unknown head 6"),
        ([0, 2, 1], "unknown relation 2"),
        ([0, 0, -1], "unknown tail -1"),
        ([0, 0], "triples must be"),
    ],
)
def test_unknown_numbers_are_refused(triple, message):
    for bad_known in (False, True):
        fine, bad = np.array([[0, 0, 1]]), np.array([triple])
        with pytest.raises(ShapeError, match=message):
            filtered_ranks(model(), *((fine, bad) if bad_known else (bad, fine)))


@pytest.mark.parametrize("entity", [1, 4])
def test_scores_that_are_no_numbers_are_no_first_rank(entity):
    built = model()
    with torch.no_grad():
        built.entities[entity] = torch.nan
    with pytest.raises(GraphError, match="not finite"):
        filtered_ranks(built, np.array([[0, 0, 1]]), np.zeros((0, 3), np.int64))


def test_metrics_by_hand():
    metrics = link_metrics_of(np.array([1.0, 2.0, 4.0, 20.0]))
    assert metrics.to_dict() == {
        "mrr": pytest.approx((1 + 0.5 + 0.25 + 0.05) / 4),
        "hits@1": 0.25,
        "hits@3": 0.5,
        "hits@10": 0.75,
    }
    with pytest.raises(GraphError, match="no queries"):
        link_metrics_of(np.zeros(0))
