import math

import pytest
import torch
from torch import nn
from torch.nn import functional

from chiasm.fusion.losses import (
    Adversarial,
    Hardest,
    InfoNce,
    balanced_entropy,
    class_weights,
    coral,
    mmd,
    reverse_gradient,
)
from chiasm.fusion.schedules import SCHEDULES, scheduled


def test_reversed_gradients_are_turned_and_scaled():
    values = torch.ones(3, requires_grad=True)
    (reverse_gradient(values, 0.5) * torch.tensor([1.0, 2.0, -3.0])).sum().backward()
    assert values.grad is not None and values.grad.tolist() == [-0.5, -1.0, 1.5]


def test_an_adversary_teaches_features_to_be_alike():
    torch.manual_seed(0)
    domains = torch.arange(2).repeat(64)
    rows = torch.randn(128, 4) * 0.3 + torch.tensor([[2.0, 0, 0, 0], [-2.0, 0, 0, 0]])[domains]
    loss = Adversarial(nn.Linear(4, 2))
    optimiser = torch.optim.Adam(loss.parameters(), lr=0.1)
    first = loss(rows, domains, 1.0).item()
    for _ in range(30):
        optimiser.zero_grad()
        loss(rows, domains, 1.0).backward()
        optimiser.step()
    assert loss(rows, domains, 1.0).item() < 0.5 * first
    followed = rows.clone().requires_grad_()
    loss(followed, domains, 1.0).backward()
    moved = rows - 100 * followed.grad
    assert coral(moved[domains == 0], moved[domains == 1]) < coral(rows[domains == 0], rows[domains == 1])
    assert loss(rows[:0], domains[:0], 1.0).item() == 0


@pytest.mark.parametrize("distance", [coral, mmd])
def test_distances_see_means_and_spread_and_nothing_else(distance):
    torch.manual_seed(1)
    rows = torch.randn(400, 6)
    same = float(distance(rows[:200], rows[200:]))
    assert abs(same) < 0.6
    assert float(distance(rows[:200], rows[200:] + 2)) > same + 0.2
    assert float(distance(rows[:200], rows[200:] * 3)) > same + 0.1
    assert float(distance(rows[:1], rows[200:])) == 0
    once = rows[:20].clone().requires_grad_()
    distance(once, rows[200:] + 1).backward()
    assert once.grad is not None and bool(once.grad.isfinite().all()) and float(once.grad.abs().sum()) > 0


def test_weights_of_classes():
    counts = torch.tensor([16, 4, 0])
    weights = class_weights(counts)
    # A class of a quarter the size weighs twice; over what is drawn the mean is 1.
    assert weights[1] / weights[0] == pytest.approx(2) and weights[2] == 0
    assert float((weights * counts).sum() / counts.sum()) == pytest.approx(1)
    assert class_weights(counts, 0.0).tolist() == [1, 1, 0]
    assert balanced_entropy(torch.zeros(0, 3), torch.zeros(0, dtype=torch.int64), weights).item() == 0
    logits = torch.zeros(2, 3)
    assert balanced_entropy(logits, torch.tensor([0, 1]), weights).item() == pytest.approx(
        math.log(3) * float(weights[:2].mean())
    )


def test_the_hardest_negatives_are_mined_and_the_very_hardest_forgiven():
    rows = functional.normalize(torch.tensor([[1.0, 0.0, 0.0]]), dim=-1)
    columns = functional.normalize(
        torch.tensor([[1.0, 0.5, 0.0], [1.0, 0.1, 0.0], [1.0, 1.0, 0.0], [0.0, 0.0, 1.0]]), dim=-1
    )
    at, none = torch.tensor([0]), torch.zeros(1, 4, dtype=torch.bool)
    loss = Hardest(1, 0, 0.1)
    only = InfoNce((), 0.1)(rows, columns[:2], at, none[:, :2])
    assert loss(rows, columns, at, none).item() == pytest.approx(only.item())
    forgiving = Hardest(1, 1, 0.1)(rows, columns, at, none)
    second = InfoNce((), 0.1)(rows, columns[[0, 2]], at, none[:, :2])
    assert forgiving.item() == pytest.approx(second.item())
    ignored = none.clone()
    ignored[0, 1] = True
    assert loss(rows, columns, at, ignored).item() == pytest.approx(second.item())
    assert Hardest(5, 5, 0.1)(rows, columns[:1], at, none[:, :1]).isfinite()


@pytest.mark.parametrize(
    ("name", "start", "middle", "end"),
    [
        ("constant", 1, 1, 1),
        ("linear", 0, 0.5, 1),
        ("linear_down", 1, 0.5, 0),
        ("cosine", 0, 0.5, 1),
        ("cosine_down", 1, 0.5, 0),
        ("ganin", 0, 0.9866, 0.9999),
    ],
)
def test_schedules(name, start, middle, end):
    assert name in SCHEDULES
    for done, share in ((0, start), (0.5, middle), (1, end), (7, end)):
        assert scheduled(name, 2.0, done) == pytest.approx(2 * share, abs=1e-3)
