import numpy as np
import pytest
import torch

from chiasm_graph import Triples
from chiasm_graph.errors import LinkRecipeError, ShapeError
from chiasm_graph.link_prediction import filtered_ranks, link_metrics_of, load_link_recipe
from chiasm_graph.link_prediction.ensemble import (
    Ensemble,
    Nearness,
    ReasonedScores,
    Standardised,
    draw_candidates,
    ensemble_recipe_names,
    fit_ensemble,
    load_ensemble_recipe,
)
from chiasm_graph.rules import CaseBase, FactIndex, RatedRule, Rule, RuleBase

COUNT = 40


class Knows:
    """Gives the next entity on a ring a bonus where the head is one of its own, else noise."""

    num_entities, num_relations = COUNT, 1

    def __init__(self, mine, seed: int) -> None:
        self._mine, self._seed = mine, seed

    def scores(self, heads, relations):
        found = torch.empty(len(heads), COUNT)
        for row, (head, relation) in enumerate(zip(heads.tolist(), relations.tolist(), strict=True)):
            generator = torch.Generator().manual_seed(self._seed * 10_000 + head * 10 + relation)
            found[row] = torch.randn(COUNT, generator=generator)
            if self._mine(head, relation):
                found[row, (head + (1 if relation == 0 else -1)) % COUNT] += 4.0
        return found


RING = np.array([(n, 0, (n + 1) % COUNT) for n in range(COUNT)])
NOTHING = np.zeros((0, 3), dtype=np.int64)


def mrr(scores) -> float:
    return link_metrics_of(filtered_ranks(scores, RING[1::2], NOTHING)).mrr


def test_a_mixture_beats_its_members_and_leaves_noise_out():
    members = {
        "forwards": Knows(lambda head, relation: relation == 0, 1),
        "backwards": Knows(lambda head, relation: relation == 1, 2),
        "noise": Knows(lambda head, relation: False, 3),
    }
    mixed = fit_ensemble(members, RING[::2], NOTHING, spread=2.0)
    assert mrr(mixed) > max(map(mrr, members.values())) + 0.2
    forwards, backwards = mixed.weights
    assert forwards[0] > 2 * forwards[1] and backwards[1] > 2 * backwards[0]
    assert mixed.weights[:, 2].abs().max() < 0.5
    # A narrow spread keeps the relations together.
    together = fit_ensemble(members, RING[::2], NOTHING, spread=1e-3)
    assert torch.allclose(together.weights[0], together.weights[1], atol=0.05)


def test_known_tails_are_nobodys_wrong_ones():
    member = Knows(lambda head, relation: True, 1)
    known = np.array([(0, 0, 5), (0, 0, 7)])
    drawn = draw_candidates({"one": member}, np.array([(0, 0, 1)]), known, top=COUNT, drawn=5)
    row = member.scores(torch.tensor([0]), torch.tensor([0]))[0]
    finite = drawn.scores[0, :, 0]
    finite = finite[torch.isfinite(finite)]
    others = [float(row[e]) for e in range(COUNT) if e not in (1, 5, 7)]
    assert float(finite[0]) == float(row[1])
    assert sorted(finite[1:].tolist()) == pytest.approx(sorted(others))


def test_members_must_agree():
    small = Nearness(Triples([0], [0], [1], num_nodes=2, num_relations=1), 1)
    with pytest.raises(ShapeError, match="differ"):
        Ensemble({"a": small, "b": Knows(lambda h, r: True, 0)}, torch.ones(2, 2))
    with pytest.raises(ShapeError, match=r"not \(2, 1\)"):
        Ensemble({"a": small}, torch.ones(1, 1))


def test_standardised_rows():
    rows = Standardised(Knows(lambda head, relation: True, 1)).scores(torch.arange(3), torch.zeros(3).long())
    assert rows.mean(1).abs().max() < 1e-5 and torch.allclose(
        rows.std(1, correction=0), torch.ones(3), atol=1e-4
    )
    graph = Triples([0], [0], [1], num_nodes=3, num_relations=1)
    assert Standardised(Nearness(graph, 2)).scores(torch.tensor([2]), torch.tensor([0])).tolist() == [
        [0, 0, 0]
    ]


def test_distances():
    path = Triples([0, 1, 2, 0], [0, 0, 0, 1], [1, 2, 3, 2], num_nodes=5, num_relations=2)
    asked = torch.tensor([0, 3]), torch.tensor([0, 0])
    assert Nearness(path, 0).scores(*asked).tolist() == [[-1, 0, 0, 0, 0], [0, 0, 0, -1, 0]]
    assert Nearness(path, 1).scores(*asked).tolist() == [[0, 1, 1, 0, 0], [0, 0, 1, 0, 0]]
    assert Nearness(path, 2).scores(*asked).tolist() == [[0, 0, 0, 1, 0], [1, 1, 0, 0, 0]]


def test_what_rules_and_cases_say():
    # 0 and 1 share a property, and 1 has a tail that 0 lacks.
    graph = Triples([0, 1, 1, 2], [0, 0, 1, 2], [3, 3, 4, 4], num_nodes=5, num_relations=3)
    facts = FactIndex(graph)
    rule = RatedRule(Rule(head=1, body=(2,)), 8, 10, 0.8, 0.8, 0.8)
    by_rules = ReasonedScores(RuleBase(facts, [rule])).scores(torch.tensor([2, 0]), torch.tensor([1, 1]))
    assert by_rules[0].argmax() == 4 and (by_rules[0] > 0).sum() == 1 and by_rules[1].abs().sum() == 0
    by_cases = ReasonedScores(CaseBase(facts)).scores(torch.tensor([0]), torch.tensor([1]))
    assert by_cases[0].argmax() == 4


def test_every_recipe_loads_and_its_members_are_recipes():
    for name in ensemble_recipe_names():
        recipe = load_ensemble_recipe(name)
        assert recipe.name == f"{recipe.dataset}-ensemble" and recipe.description
        assert recipe == load_ensemble_recipe(recipe.dataset)
        for of in recipe.structure.values():
            assert load_link_recipe(of).dataset == recipe.dataset


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("dataset: umls", "at least one"),
        ("dataset: umls\ncases: 3", "cases: must be bool"),
        ("dataset: umls\ncases: true\nspread: wide", "spread: must be float"),
        ("dataset: umls\ncases: true\nspread: 0.0", "spread must be positive"),
        ("dataset: umls\nrules: {max_rules: 0}", "must be positive"),
        ("dataset: umls\nrules: {depth: 1}", "unknown key depth"),
        ("dataset: umls\ntext: {plain: {hidden: x}}", "text: plain: hidden: must be int"),
        ("dataset: umls\ntext: [1]", "text must be a mapping"),
        ("dataset: umls\nstructure: {a: umls-complex}\ntext: {a: {}}", "different names, not a twice"),
    ],
)
def test_a_wrong_recipe_says_what_is_wrong(tmp_path, text, message):
    file = tmp_path / "mine.yaml"
    file.write_text(text)
    with pytest.raises(LinkRecipeError, match=message):
        load_ensemble_recipe(str(file))
