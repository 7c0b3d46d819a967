"""Every scorer passes the contract; a new one without a row here fails the last test."""

import pkgutil
from importlib import import_module

import pytest
import torch

from chiasm_graph import scorers
from chiasm_graph.errors import GraphError, ShapeError
from chiasm_graph.scorers import (
    ComplexScorer,
    DistmultScorer,
    RotateScorer,
    Scorer,
    TranseScorer,
    TuckerScorer,
    build_scorer,
    scorer_names,
)
from chiasm_graph.testing import ScorerContract

_SCORERS = [ComplexScorer, DistmultScorer, RotateScorer, TranseScorer, TuckerScorer]


@pytest.fixture(scope="class", params=_SCORERS, ids=lambda kind: kind.__name__, autouse=True)
def implementation(request: pytest.FixtureRequest) -> None:
    if request.cls is not None:
        request.cls.implementation = request.param


class TestEveryScorer(ScorerContract):
    pass


def _implementations() -> set[type]:
    found = set()
    for info in pkgutil.walk_packages(scorers.__path__, "chiasm_graph.scorers."):
        for value in vars(import_module(info.name)).values():
            if isinstance(value, type) and issubclass(value, Scorer) and value is not Scorer:
                found.add(value)
    return found


def test_every_scorer_has_a_row_and_a_name() -> None:
    assert _implementations() == set(_SCORERS)
    assert {type(build_scorer(name, 2, 4)) for name in scorer_names()} == set(_SCORERS)


def test_an_unknown_name_says_which_are_known() -> None:
    with pytest.raises(GraphError, match="complex, distmult, rotate, transe, tucker"):
        build_scorer("hole", 2, 4)


@pytest.mark.parametrize("kind", [ComplexScorer, DistmultScorer, TuckerScorer])
def test_fresh_products_are_dot_products(kind: type[Scorer]) -> None:
    heads, tails = torch.randn(2, 5, 6)
    torch.testing.assert_close(
        kind(2, 6)(heads, torch.ones(5, dtype=torch.int64), tails), (heads * tails).sum(-1)
    )


# Of the operators' formulas, by hand: head, what the relation holds, tail, score.
@pytest.mark.parametrize(
    ("kind", "head", "parameters", "tail", "score"),
    [
        (DistmultScorer, [1.0, 2.0], {"weight": [[3.0, -1.0]]}, [2.0, 5.0], 1 * 3 * 2 - 2 * 1 * 5),
        # (1 + 2i)(3 - i)(conj 2 + 5i) = (5 + 5i)(2 - 5i), real part 10 + 25
        (ComplexScorer, [1.0, 2.0], {"real": [[3.0]], "imaginary": [[-1.0]]}, [2.0, 5.0], 35.0),
        (TranseScorer, [1.0, 2.0], {"shift": [[1.0, -1.0]]}, [5.0, 4.0], -(3 + 3)),
        # 1 + 2i turned by a quarter is -2 + i
        (RotateScorer, [1.0, 2.0], {"phase": [[torch.pi / 2]]}, [-2.0, 5.0], -4.0),
        (
            TuckerScorer,
            [1.0, 2.0],
            {"core": [[[1.0, 0.0], [0.0, 1.0]], [[0.0, 1.0], [0.0, 0.0]]], "weight": [[2.0, 3.0]]},
            [5.0, 7.0],
            2 * (5 + 14) + 3 * (1 * 7),
        ),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_formulas(kind, head, parameters, tail, score) -> None:
    scorer = kind(1, 2, 2) if kind is TuckerScorer else kind(1, 2)
    scorer.load_state_dict({name: torch.tensor(value) for name, value in parameters.items()})
    found = scorer(torch.tensor([head]), torch.tensor([0]), torch.tensor([tail]))
    assert found.tolist() == pytest.approx([score], abs=1e-5)


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: ComplexScorer(2, 5), "even"),
        (lambda: RotateScorer(2, 5), "even"),
        (lambda: TranseScorer(2, 5, norm=3), "1 or 2"),
    ],
)
def test_impossible_shapes_are_refused(build, message) -> None:
    with pytest.raises(ShapeError, match=message):
        build()
