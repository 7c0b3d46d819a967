"""Rows that die, segments that stand in for others, and who merges."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import func, select, update

from chiasm.catalog import Catalog
from chiasm.catalog.models import DeadRow, Embedding, Segment
from chiasm.spaces import SpaceReader, collect, compact, crowded, live, mask_phantoms, remove_items
from chiasm.spaces.keeping import merging
from chiasm.spaces.tiers import due

from .test_segments import put, unit


def dead(catalog: Catalog) -> list[tuple[int, int]]:
    with catalog.read() as session:
        rows = session.execute(select(DeadRow.segment_id, DeadRow.item_id).order_by(DeadRow.item_id))
        return [(row[0], row[1]) for row in rows]


def test_every_way_to_die_is_noted(catalog: Catalog, space_id: int, tmp_path: Path) -> None:
    put(catalog, tmp_path, space_id, [1, 2, 3, 4], unit(4))
    assert dead(catalog) == []
    put(catalog, tmp_path, space_id, [2], unit(1))
    with catalog.write() as session:
        remove_items(session, [space_id], [3, 99])
    assert dead(catalog) == [(1, 2), (1, 3)]
    from chiasm.spaces import write_segment

    pending = write_segment(catalog, tmp_path, space_id, np.array([5, 6]), unit(2))
    with catalog.write() as session:
        pending.commit(session, alive={5})
    assert dead(catalog) == [(1, 2), (1, 3), (3, 6)]
    assert SpaceReader(catalog, tmp_path, space_id).view.ids.tolist() == [1, 2, 4, 5]


def test_following_reads_what_changed_and_no_more(
    catalog: Catalog, space_id: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(catalog, tmp_path, space_id, list(range(50)), unit(50))
    reader = SpaceReader(catalog, tmp_path, space_id)
    asked = []
    monkeypatch.setattr(
        "chiasm.spaces.parts.dead_since", lambda *given: asked.append(given[2]) or live.dead_since(*given)
    )
    monkeypatch.setattr("chiasm.spaces.parts.items_of", lambda *given: pytest.fail("all items were read"))
    put(catalog, tmp_path, space_id, [7], unit(1, seed=2))
    with catalog.write() as session:
        remove_items(session, [space_id], [8])
    reader.refresh()
    assert asked == [1] and reader.view.ids.tolist() == [i for i in range(50) if i != 8]


def test_the_matrix_that_is_held_is_the_living_rows_without_a_copy(
    catalog: Catalog, space_id: int, tmp_path: Path
) -> None:
    empty = SpaceReader(catalog, tmp_path, space_id).view.held()
    assert (len(empty[0]), len(empty[1])) == (0, 0)
    put(catalog, tmp_path, space_id, list(range(20, 40)), unit(20))
    reader = SpaceReader(catalog, tmp_path, space_id)
    put(catalog, tmp_path, space_id, [3, 25, 50], unit(3, seed=2))
    with catalog.write() as session:
        remove_items(session, [space_id], [30, 50])
    reader.refresh()
    ids, vectors = reader.view.all()
    matrix, rows = reader.view.held()
    assert ids.tolist() == [3, *(one for one in range(20, 40) if one != 30)]
    np.testing.assert_array_equal(matrix[rows], vectors)
    assert reader.view.matrix is not None and np.shares_memory(matrix, reader.view.matrix.vectors)


def test_segments_older_than_the_list_of_the_dead(catalog: Catalog, space_id: int, tmp_path: Path) -> None:
    put(catalog, tmp_path, space_id, [1, 2, 3], unit(3))
    put(catalog, tmp_path, space_id, [2], unit(1, seed=4))
    with catalog.write() as session:
        session.execute(update(Segment).values(deaths_noted=None))
        session.query(DeadRow).delete()
    reader = SpaceReader(catalog, tmp_path, space_id)
    np.testing.assert_allclose(reader.all()[1][1], unit(1, seed=4)[0], atol=1e-3)
    with catalog.write() as session:
        remove_items(session, [space_id], [3])
    reader.refresh()
    assert reader.view.ids.tolist() == [1, 2]
    assert compact(catalog, tmp_path, space_id, min_segments=2) == 2
    assert SpaceReader(catalog, tmp_path, space_id).view.ids.tolist() == [1, 2]


def test_rows_follow_a_merged_segment_in_pieces(
    catalog: Catalog, space_id: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for start in range(0, 90, 10):
        put(catalog, tmp_path, space_id, list(range(start, start + 10)), unit(10, start))
    monkeypatch.setattr("chiasm.spaces.compaction.settle", lambda *given: 0)
    assert compact(catalog, tmp_path, space_id) == 9
    # A worker that ends here leaves rows that name their old segments; all goes on.
    assert collect(catalog, tmp_path) == 0
    with catalog.write() as session:
        remove_items(session, [space_id], [5])
    put(catalog, tmp_path, space_id, [6], unit(1, seed=77))
    reader = SpaceReader(catalog, tmp_path, space_id)
    assert reader.view.ids.tolist() == [i for i in range(90) if i != 5]
    np.testing.assert_allclose(reader.vectors(np.array([6])), unit(1, seed=77), atol=1e-3)
    assert crowded(catalog) == [space_id]
    monkeypatch.setattr(live, "_SETTLE_ROWS", 7)
    assert live.settle(catalog, space_id) == 88
    assert crowded(catalog) == [] and collect(catalog, tmp_path) == 9
    with catalog.read() as session:
        assert session.scalar(select(func.count()).select_from(Embedding)) == 89
    again = SpaceReader(catalog, tmp_path, space_id)
    np.testing.assert_array_equal(again.all()[1], reader.all()[1])


def test_rows_that_the_catalog_forgot_are_masked(catalog: Catalog, space_id: int, tmp_path: Path) -> None:
    put(catalog, tmp_path, space_id, [1, 2, 3], unit(3))
    with catalog.write() as session:
        session.query(Embedding).filter(Embedding.item_id == 2).delete()
        assert mask_phantoms(session, space_id, 1, np.array([1, 2, 3])) == 1
        assert mask_phantoms(session, space_id, 1, np.array([1, 2, 3])) == 0
    assert SpaceReader(catalog, tmp_path, space_id).view.ids.tolist() == [1, 3]


def test_one_worker_merges_a_space(catalog: Catalog, space_id: int, tmp_path: Path) -> None:
    for item in range(8):
        put(catalog, tmp_path, space_id, [item], unit(1, item))
    with merging(tmp_path, space_id) as mine:
        assert mine
        assert compact(catalog, tmp_path, space_id) == 0
    assert compact(catalog, tmp_path, space_id) == 8


@pytest.mark.parametrize(
    ("rows", "chosen"),
    [
        ({}, []),
        ({1: (100, 100)}, []),
        (dict.fromkeys(range(7), (100, 100)), []),
        (dict.fromkeys(range(8), (100, 100)), list(range(8))),
        # A large one alone, two of a size, a staircase.
        ({1: (50_000, 50_000)}, []),
        ({1: (20_000, 20_000), 2: (20_000, 20_000)}, [1, 2]),
        ({1: (20_000, 20_000), 2: (90_000, 90_000)}, []),
        ({1: (20_000, 20_000), 2: (20_000, 20_000), 3: (40_000, 40_000), 4: (500_000, 500_000)}, [1, 2, 3]),
        # Small ones that are as large together as what has an index.
        ({1: (16_000, 16_000), 2: (16_000, 16_000), 3: (16_000, 16_000)}, [1, 2, 3]),
        # Mostly dead.
        ({1: (50_000, 20_000)}, [1]),
    ],
)
def test_what_is_due(rows: dict[int, tuple[int, int]], chosen: list[int]) -> None:
    assert sorted(due(rows, 8)) == chosen


def test_what_died_as_a_whole_stays_dead(catalog: Catalog, space_id: int, tmp_path: Path) -> None:
    """A view holds no segment of which nothing lives; the next one must not take it for a new one."""
    put(catalog, tmp_path, space_id, [1], unit(1))
    put(catalog, tmp_path, space_id, [1], unit(1, seed=2))
    reader = SpaceReader(catalog, tmp_path, space_id)
    for generation in range(3):
        put(catalog, tmp_path, space_id, [5 + generation], unit(1, seed=3))
        reader.refresh()
        fresh = SpaceReader(catalog, tmp_path, space_id)
        assert reader.view.ids.tolist() == fresh.view.ids.tolist() == [1, *range(5, 6 + generation)]
        assert np.array_equal(reader.vectors(np.array([1])), fresh.vectors(np.array([1])))
