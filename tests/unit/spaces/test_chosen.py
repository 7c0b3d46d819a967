"""Filters that are used again: what is kept of them, and for how long."""

from __future__ import annotations

import gc

import numpy as np
import pytest

from chiasm.spaces import chosen
from chiasm.spaces.chosen import Chosen

ROWS, DIM = 1000, 16


@pytest.fixture
def block() -> np.ndarray:
    return np.random.default_rng(0).random((ROWS, DIM)).astype(np.float16)


def every(n: int) -> Chosen:
    return Chosen(np.arange(ROWS) % n == 0)


def test_what_passes() -> None:
    some = every(10)
    assert some.passing == 100
    assert some.rows.tolist() == list(range(0, ROWS, 10))
    assert [row for row in range(ROWS) if some.selector.is_member(row)] == some.rows.tolist()


def test_copies_are_kept_from_the_second_time_on(block: np.ndarray) -> None:
    some = every(4)
    first, second, third = (some.copied(block) for _ in range(3))
    assert first is not second and second is third
    np.testing.assert_array_equal(first, block[::4])
    np.testing.assert_array_equal(second, block[::4])


def test_copies_stay_within_their_memory(block: np.ndarray, monkeypatch: pytest.MonkeyPatch) -> None:
    copies = chosen._Copies(3 * 250 * DIM * 2)
    monkeypatch.setattr(chosen, "_copies", copies)
    filters = [every(4) for _ in range(4)]
    kept = [[some.copied(block) for _ in range(2)][1] for some in filters[:3]]
    assert filters[0].copied(block) is kept[0]
    filters[3].copied(block)
    filters[3].copied(block)
    # The one that was used longest ago had to go.
    assert [some.copied(block) is old for some, old in zip(filters, kept, strict=False)][:2] == [True, False]
    assert sum(rows.nbytes for _, rows in copies._kept.values()) <= 3 * 250 * DIM * 2


def test_copies_go_with_their_filter(block: np.ndarray, monkeypatch: pytest.MonkeyPatch) -> None:
    copies = chosen._Copies(1 << 20)
    monkeypatch.setattr(chosen, "_copies", copies)
    for _ in range(3):
        some = every(4)
        some.copied(block)
        some.copied(block)
    del some
    gc.collect()
    other = every(2)
    other.copied(block)
    other.copied(block)
    assert len(copies._kept) == 1


def test_large_ones_are_not_copied(block: np.ndarray, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chosen, "_MAX_OF_ONE", 100 * DIM * 2)
    assert every(4).copied(block) is None
    assert every(10).copied(block) is not None
