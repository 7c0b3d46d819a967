"""A map between spaces recovers what is affine, says how far to trust it, and refuses too little."""

from __future__ import annotations

import numpy as np
import pytest

from chiasm.fusion.space_map import FEWEST_PAIRS, fit_space_map

RNG = np.random.default_rng(0)


def unit(rows: np.ndarray) -> np.ndarray:
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), dtype=np.float32)


def test_a_turned_and_cut_space_is_recovered() -> None:
    old = unit(RNG.normal(size=(600, 40)))
    turn = np.linalg.qr(RNG.normal(size=(40, 40)))[0]
    new = unit(old @ turn)
    found = fit_space_map(old[:500], new[:500])
    assert found.cosine > 0.999 and found.kept > 0.95 and found.pairs == 500
    mapped = found.apply(old[500:])
    assert np.allclose(np.linalg.norm(mapped, axis=1), 1, atol=1e-5)
    assert (mapped * new[500:]).sum(axis=1).min() > 0.999


def test_another_width_and_noise_cost_what_the_figures_say() -> None:
    old = unit(RNG.normal(size=(400, 32)))
    new = unit(old @ RNG.normal(size=(32, 16)) + RNG.normal(size=(400, 16)) * 0.5)
    found = fit_space_map(old, new)
    assert found.weight.shape == (16, 33) and 0.3 < found.kept < 0.95
    chance = fit_space_map(old, unit(RNG.normal(size=(400, 16))))
    assert chance.kept < 0.3 and abs(chance.cosine) < 0.3


def test_the_same_pairs_give_the_same_map() -> None:
    old, new = unit(RNG.normal(size=(100, 8))), unit(RNG.normal(size=(100, 8)))
    first, second = (fit_space_map(old, new, seed=4) for _ in range(2))
    assert first.kept == second.kept and np.array_equal(first.weight, second.weight)


@pytest.mark.parametrize("count", [0, FEWEST_PAIRS - 1])
def test_too_few_pairs_make_no_map(count: int) -> None:
    rows = np.ones((count, 4), dtype=np.float32)
    with pytest.raises(ValueError, match="too few pairs"):
        fit_space_map(rows, rows)
