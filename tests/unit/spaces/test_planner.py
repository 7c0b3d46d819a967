"""Which way a segment is looked at, and how hard."""

from __future__ import annotations

import numpy as np
import pytest

from chiasm.spaces.kinds import index_kind
from chiasm.spaces.kinds.base import Effort
from chiasm.spaces.planner import plan_for
from chiasm.spaces.tuning import Knob, _queries

ROWS, DIM = 100_000, 384


def knob(k: int, breadth: int, careful: Effort | None, *, depth: int = 1, share: float = 1.0) -> Knob:
    return Knob(share, k, Effort(breadth, depth), 0.99, 0.5, careful)


def test_a_page_and_one_more_is_hardly_harder_than_the_page() -> None:
    knobs = (knob(10, 100, Effort(400, 1)), knob(100, 400, Effort(900, 1)))
    plans = {k: plan_for(index_kind("hnsw"), knobs, ROWS, DIM, ROWS, k, 1) for k in (5, 10, 11, 50, 100, 200)}
    breadths = [plan.effort.breadth for plan in plans.values()]
    assert breadths == sorted(breadths)
    assert plans[5].effort.breadth == 100 and plans[10].effort == Effort(100, 1)
    assert 100 < plans[11].effort.breadth <= 107
    assert plans[100].effort == Effort(400, 1) and plans[200].effort.breadth > 400
    assert all(
        plan.careful is not None and plan.careful.breadth > plan.effort.breadth for plan in plans.values()
    )


def test_candidates_of_codes_grow_with_what_is_wanted() -> None:
    knobs = (knob(10, 64, None, depth=16), knob(100, 128, None, depth=4))
    wanted = [
        plan_for(index_kind("ivfpq"), knobs, ROWS, DIM, ROWS, k, 1).effort.depth * k for k in range(10, 101)
    ]
    assert wanted[0] == 160 and wanted[-1] == 400
    # Whole candidates a hit: up to one for each is added.
    assert all(160 <= some <= 400 + k for k, some in enumerate(wanted, start=10))


def test_a_filter_goes_by_what_was_found_for_one_that_is_hardly_denser_or_sparser() -> None:
    knobs = (knob(10, 64, None), knob(10, 128, None, share=0.5), knob(10, 384, None, share=0.1))
    asked = {share: int(share * ROWS) for share in (1.0, 0.95, 0.6, 0.49, 0.3, 0.1)}
    found = {
        share: plan_for(index_kind("hnsw"), knobs, ROWS, DIM, passing, 10, 1)
        for share, passing in asked.items()
    }
    assert [plan.effort.breadth for plan in found.values()][:5] == [64, 64, 128, 128, 384]
    # There are too few rows for a beam that wide.
    assert found[0.1].way == "gather"


def test_without_a_careful_effort_far_queries_are_answered_exactly() -> None:
    knobs = (knob(10, 100, None), knob(100, 400, Effort(900, 1)))
    plan = plan_for(index_kind("hnsw"), knobs, ROWS, DIM, ROWS, 20, 1)
    assert plan.way == "index" and plan.careful is None and plan.exact == "scan"
    fewer = (knob(10, 100, Effort(400, 1)), knob(100, 400, None))
    careful = plan_for(index_kind("hnsw"), fewer, ROWS, DIM, ROWS, 11, 1).careful
    assert careful is not None and 400 < careful.breadth < 440


def test_knobs_of_segments_from_before_say_one_effort_for_all() -> None:
    old = {"share": 1.0, "k": 10, "effort": [64, 2], "recall": 0.99}
    read = Knob.read(old)
    assert read.effort == read.careful == Effort(64, 2) and read.near == -1.0
    new = knob(10, 64, None)
    assert Knob.read(new._asdict()) == new
    with pytest.raises(ValueError, match="range"):
        Knob.read({**old, "effort": [0, 1]})


def test_any_stretch_of_the_queries_has_each_sort() -> None:
    block = np.random.default_rng(0).normal(size=(500, 16))
    block = (block / np.linalg.norm(block, axis=1, keepdims=True)).astype(np.float16)
    asked = _queries(np.random.default_rng(1), block)
    for step in (1, 4, 16):
        own, far = asked.own[::step], asked.far[::step]
        assert abs((own >= 0).mean() - 0.4) < 0.02 and abs(far.mean() - 0.2) < 0.02
    np.testing.assert_allclose(np.linalg.norm(asked.vectors, axis=1), 1.0, atol=1e-3)
