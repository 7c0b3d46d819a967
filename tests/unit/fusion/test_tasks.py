import pytest
import torch
from torch import nn
from torch.nn import functional

from chiasm.fusion.losses import InfoNce
from chiasm.fusion.tasks import GraphTask, MaskedTask, ViewsTask
from chiasm_graph import ComplexScorer


def unit(*shape: int) -> torch.Tensor:
    return functional.normalize(torch.randn(*shape), dim=-1)


def test_info_nce_prefers_matches_and_forgives_false_negatives():
    torch.manual_seed(0)
    loss = InfoNce((4,), 0.1)
    rows, at, none = unit(6, 8), torch.arange(6), torch.zeros(6, 6, dtype=torch.bool)
    matched, shuffled = loss(rows, rows, at, none), loss(rows, rows.roll(1, 0), at, none)
    assert matched < shuffled
    twins = torch.cat([rows[:3], rows[:3]])
    same = torch.eye(6, dtype=torch.bool).roll(3, 0)
    assert loss(twins, twins, at, same) < loss(twins, twins, at, none) - 0.3
    assert loss(rows[:0], rows, at[:0], none[:0]).item() == 0


def test_one_row_among_many_columns():
    rows, columns = unit(2, 8), unit(5, 8)
    value = InfoNce((), 0.1)(rows, columns, torch.tensor([4, 1]), torch.zeros(2, 5, dtype=torch.bool))
    assert value.isfinite()


def test_tasks_give_scalars_with_gradients():
    torch.manual_seed(0)
    vectors = unit(4, 8).requires_grad_()
    at, none = torch.arange(4), torch.zeros(4, 4, dtype=torch.bool)
    losses = [
        ViewsTask(InfoNce((2,), 0.1))(vectors, unit(4, 8), at, none),
        GraphTask(ComplexScorer(3, 8), InfoNce((), 0.1))(
            vectors, torch.tensor([0, 1, 2, 0]), unit(4, 8), at, none
        ),
        MaskedTask(nn.ModuleDict({"text": nn.Linear(8, 3)}))(
            vectors, {"text": (torch.tensor([1, 3]), unit(2, 3))}
        ),
    ]
    for loss in losses:
        (gradient,) = torch.autograd.grad(loss, vectors)
        assert loss.shape == () and gradient.abs().sum() > 0


def test_nothing_hidden_is_no_loss():
    assert MaskedTask(nn.ModuleDict())(unit(3, 4), {}).item() == pytest.approx(0)
