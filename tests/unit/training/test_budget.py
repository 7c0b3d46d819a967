"""Which student is taken, and what students are taught with."""

import pytest

from chiasm.errors import UsageError
from chiasm.training.budget import Budget, Trial, smallest
from chiasm.training.retention import Retention
from chiasm.training.text_corpus import taught_texts


def trial(name: str, mb: float, kept: float | None) -> Trial:
    told = Retention(100, 0.5, 0.5 * kept, -0.1, 0.1) if kept is not None else None
    return Trial(name, 1000, mb=mb, ms=0.1, kept=told)


@pytest.mark.parametrize(
    ("kept", "chosen", "best"),
    [
        ({"small": 0.96, "large": 0.99}, "small", "large"),
        ({"small": 0.90, "large": 0.95}, "large", "large"),
        ({"small": 0.90, "large": 0.94}, None, "large"),
        ({"small": 0.90, "large": None}, None, "small"),
        ({"small": None, "large": None}, None, None),
    ],
)
def test_the_smallest_that_keeps_enough(kept, chosen, best):
    trials = [trial("large", 9.0, kept["large"]), trial("small", 2.0, kept["small"])]
    found = smallest(trials, Budget(20, 1, 0.95))
    assert [one and one.name for one in found] == [chosen, best]


@pytest.mark.parametrize(
    "wrong",
    [{"max_mb": 0}, {"max_ms": -1}, {"max_mb": float("inf")}, {"min_retention": 1.01}, {"max_ms": "fast"}],
)
def test_limits_that_are_none(wrong):
    with pytest.raises(UsageError) as raised:
        Budget(**{"max_mb": 1, "max_ms": 1, **wrong})
    assert raised.value.remedy


def test_retention_of_a_teacher_that_finds_nothing_is_none():
    assert Retention(10, 0.0, 0.0, 0.0, 0.0).ratio == 0.0
    assert trial("a", 1.0, 0.5).to_dict()["retention"] == 0.5


class Texts:
    def column(self, table: str, name: str):
        import numpy as np

        values = {
            "modality": ["text", "text", "image", "text"],
            "value": ["red, green, blue, dark red", "A toy. It is made of wood!", None, "secret"],
        }
        return np.array(values[name], dtype=object)


def test_texts_their_parts_and_more_but_nothing_that_is_held_out():
    found = taught_texts(Texts(), frozenset({"secret", "green"}), ["a line", "  ", "Secret", "x" * 500])
    assert {"dark red", "A toy.", "It is made of wood!", "wood", "a line", "blue"} <= set(found)
    assert not {"secret", "Secret", "green", "", "x" * 500} & set(found)
    assert found == sorted(set(found))
