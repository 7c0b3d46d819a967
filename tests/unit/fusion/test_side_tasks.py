import pytest
import torch
from torch import nn
from torch.nn import functional

from chiasm.errors import RecipeError
from chiasm.fusion.losses import Adversarial, Hardest
from chiasm.fusion.recipe import load_recipe
from chiasm.fusion.tasks import ConsistencyTask, DomainTask, HardTask, LabelTask


def unit(*shape: int) -> torch.Tensor:
    return functional.normalize(torch.randn(*shape), dim=-1)


def test_labels_are_learned_from_known_rows_alone():
    torch.manual_seed(0)
    task = LabelTask(nn.ModuleList([nn.Linear(4, 3), nn.Linear(4, 2)]), [torch.ones(3), torch.ones(2)])
    vectors = unit(6, 4)
    codes = torch.tensor([[0, 1, 2, 0, -1, -1], [-1] * 6])
    optimiser = torch.optim.Adam(task.parameters(), lr=0.1)
    for _ in range(60):
        optimiser.zero_grad()
        loss = task([vectors, vectors], codes)
        loss.backward()
        optimiser.step()
    assert task.logits(0, vectors)[:4].argmax(1).tolist() == [0, 1, 2, 0]
    assert task.heads[1].weight.grad is None
    assert task([vectors, vectors], torch.full((2, 6), -1)).item() == 0


@pytest.mark.parametrize("kind", ["adversarial", "coral", "mmd"])
def test_domains_give_a_gradient_where_there_are_two(kind):
    torch.manual_seed(0)
    judge = Adversarial(nn.Linear(4, 2)) if kind == "adversarial" else None
    task = DomainTask(judge, "coral" if judge else kind)
    vectors = (unit(8, 4) + torch.arange(8)[:, None] % 2).requires_grad_()
    loss = task(vectors, torch.arange(8) % 2, 0.7)
    (gradient,) = torch.autograd.grad(loss, vectors)
    assert loss.shape == () and gradient.abs().sum() > 0
    assert task(vectors, torch.zeros(8, dtype=torch.int64), 0.7).item() == 0


def test_hard_negatives_of_past_steps_are_remembered_and_never_an_entity_itself():
    torch.manual_seed(0)
    task = HardTask(Hardest(4, 0, 0.1), 4, memory=6)
    at, none = torch.arange(4), torch.zeros(4, 4, dtype=torch.bool)
    vectors, ids = unit(4, 4), torch.arange(4)
    task(vectors, vectors, at, none, ids, ids)
    assert task.past_ids.tolist() == [0, 1, 2, 3, -1, -1]
    # The same entities again: what is remembered of an entity is no negative of it.
    again = task(vectors, vectors, at, none, ids, ids).item()
    assert again < 0.1
    assert task.past_ids.tolist() == [2, 3, 2, 3, 0, 1]
    assert task(vectors, vectors, at, none, ids + 10, ids + 10).item() > again + 0.3
    task.eval()
    kept = task.past_ids.tolist()
    task(vectors, vectors, at, none, ids + 20, ids + 20)
    assert task.past_ids.tolist() == kept


def test_consistency():
    vectors = unit(3, 4)
    assert ConsistencyTask()(vectors, vectors).item() == pytest.approx(0, abs=1e-6)
    assert ConsistencyTask()(vectors, -vectors).item() == pytest.approx(2)
    assert ConsistencyTask()(vectors[:0], vectors[:0]).item() == 0


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        ({"tasks.labels": "-1"}, "weights of 0 or more"),
        ({"tasks.nonsense": "1"}, "known keys are .*tasks.consistency"),
        ({"mixing.schedules": "{nonsense: linear}"}, "must name consistency, domain"),
        ({"mixing.schedules": "{views: fast}"}, "must be of constant, linear"),
        ({"mixing.schedules": "{views: [1]}"}, "must be of constant, linear"),
        ({"mixing.balance": "loud"}, "one of none, uncertainty"),
        ({"hard.negatives": "0"}, "hard.negatives"),
        ({"domain.loss": "wish"}, "one of adversarial, coral, mmd"),
        ({"labels.targets": "colour"}, "labels.targets must be a list of names"),
        ({"training.accumulate": "200"}, "training.accumulate"),
        ({"training.patience": "-1"}, "training.patience"),
    ],
)
def test_impossible_mixtures_are_refused(overrides, message):
    with pytest.raises(RecipeError, match=message):
        load_recipe("offline", overrides)
