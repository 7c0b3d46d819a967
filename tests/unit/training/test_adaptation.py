import dataclasses

import numpy as np
import pytest

from chiasm.errors import DimensionError, InputError
from chiasm.training.adaptation import (
    Alignment,
    Denoiser,
    Logistic,
    LogTfIdf,
    Plan,
    SelfTraining,
    adapt,
    reverse_accuracy,
)
from chiasm.training.adaptation.self_training import surest


def reviews(domain: int, count: int, seed: int):
    """Counts of 90 words: ten say the mood everywhere, 40 in one domain alone, 40 nothing."""
    generator = np.random.default_rng(seed)
    mood = generator.integers(0, 2, count)
    chance = np.full((count, 90), 0.08)
    own = np.arange(10 + 20 * domain, 30 + 20 * domain)
    for half in (0, 1):
        rows = np.flatnonzero(mood == half)
        chance[np.ix_(rows, np.arange(10)[half::2])] = 0.3
        chance[np.ix_(rows, own[half::2])] = 0.5
    return generator.poisson(chance).astype(np.float32), np.where(mood, "good", "bad")


@pytest.fixture(scope="module")
def pair():
    rows, labels = reviews(0, 500, 0)
    target, _ = reviews(1, 500, 1)
    asked, truth = reviews(1, 1000, 2)
    weigh = LogTfIdf.fit(np.concatenate([rows, target]))
    return weigh(rows), labels, weigh(target), weigh(asked), truth


def test_weights_of_words():
    weigh = LogTfIdf.fit(np.array([[1, 0, 3], [1, 0, 0]]))
    rows = weigh(np.array([[1, 0, 1], [0, 0, 0]]))
    assert np.linalg.norm(rows[0]) == pytest.approx(1) and not rows[1].any() and rows[0, 2] > rows[0, 0]


def test_each_method_does_better_than_the_source_alone(pair):
    rows, labels, target, asked, truth = pair
    alone = (adapt(rows, labels, target, Plan("source")).predict(asked) == truth).mean()
    assert 0.6 < alone < 0.9
    base = Alignment(hidden=16, epochs=15)
    plans = {
        "self_training": Plan(self_training=SelfTraining(rounds=4, share=0.8)),
        "coral": Plan("coral", alignment=dataclasses.replace(base, loss="coral", strength=3.0)),
        "mmd": Plan("mmd", alignment=dataclasses.replace(base, loss="mmd", strength=3.0)),
        "adversarial": Plan("adversarial", alignment=base),
    }
    found = {
        name: (adapt(rows, labels, target, plan).predict(asked) == truth).mean()
        for name, plan in plans.items()
    }
    assert found["self_training"] > alone + 0.02, (alone, found)
    assert min(found.values()) > alone - 0.03, (alone, found)


def test_words_are_written_in_those_of_the_other_domain(pair):
    rows, labels, target, asked, truth = pair
    denoise = Denoiser.fit(np.concatenate([rows, target]), 0.8, rebuilt=40)
    assert denoise(rows).shape == (500, 130)
    np.testing.assert_array_equal(denoise(rows)[:, :90], rows)
    assert np.linalg.norm(denoise(rows)[:, 90:], axis=1).mean() == pytest.approx(1, abs=0.1)
    plain = (adapt(rows, labels, target, Plan("source")).predict(asked) == truth).mean()
    filled = adapt(denoise(rows), labels, denoise(target), Plan("source"))
    assert (filled.predict(denoise(asked)) == truth).mean() > plain + 0.02


def test_seeds_and_reverse_validation(pair):
    rows, labels, target, asked, _ = pair
    plan = Plan("coral", alignment=Alignment("coral", hidden=8, epochs=2))
    once, again, other = (adapt(rows, labels, target, plan, seed=s).scores(asked) for s in (1, 1, 2))
    np.testing.assert_array_equal(once, again)
    assert np.abs(once - other).max() > 1e-3
    good = reverse_accuracy(rows, labels, target, Plan())
    # A target that shares no word with the source: nothing leads there, and nothing back.
    blind = np.zeros_like(target)
    blind[:, 70:] = np.random.default_rng(0).random((len(target), 20))
    there = rows * (np.arange(90) < 30)
    lost = reverse_accuracy(there, labels, blind, Plan())
    assert good["reverse"] > 0.8 and good["source"] > 0.8 and lost["reverse"] < 0.7


def test_the_surest_are_believed_in_the_balance_of_the_source():
    scores = np.log(np.array([[0.9, 0.1], [0.8, 0.2], [0.7, 0.3], [0.6, 0.4]]))
    rows, given = surest(scores, np.array([0.5, 0.5]), 1.0)
    assert sorted(rows.tolist()) == [0, 1, 2, 3]
    # All lean to the first class; half of them are given to the second, the least sure ones.
    assert {int(r): int(g) for r, g in zip(rows, given, strict=True)}[0] == 0 and sorted(given) == [
        0,
        0,
        1,
        1,
    ]
    assert len(surest(scores, np.array([0.5, 0.5]), 0.0)[0]) == 0


def test_three_classes():
    generator = np.random.default_rng(0)
    codes = np.arange(90) % 3
    rows = (np.eye(3)[codes] + 0.2 * generator.normal(size=(90, 3))).astype(np.float32)
    model = Logistic.fit(rows, codes, 3, fit_to=10)
    assert (model.scores(rows).argmax(1) == codes).mean() > 0.95
    assert (adapt(rows, codes, rows, Plan()).predict(rows) == codes).mean() > 0.95


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"target": np.ones((3, 2))}, DimensionError, "same features"),
        ({"labels": ["a"]}, DimensionError, "each source row a label"),
        ({"labels": ["a", "a", "a"]}, InputError, "one class alone"),
        ({"target": np.full((3, 4), np.nan)}, InputError, "target.*not finite|not finite.*target"),
        ({"source": np.ones(4)}, InputError, "must be a matrix"),
        ({"plan": Plan("coral")}, InputError, "loss adversarial"),
    ],
)
def test_what_cannot_be_adapted(change, error, message):
    given = {"source": np.eye(3, 4), "labels": ["a", "b", "a"], "target": np.eye(3, 4), **change}
    with pytest.raises(error, match=message):
        adapt(given["source"], np.array(given["labels"]), given["target"], given.get("plan"))
