from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import func, select

from chiasm.catalog import Catalog
from chiasm.catalog.models import Embedding, Segment, Space
from chiasm.errors import ConflictError, DamagedError, DimensionError, InputError, NotFoundError, StampError
from chiasm.spaces import SpaceReader, collect, compact, remove_items, retire, write_segment
from chiasm.spaces.kinds import Effort, index_kind, kind_names
from chiasm.spaces.kinds.base import flat_view
from chiasm.spaces.tuning import selector_of
from chiasm.spaces.writer import stream_segment

DIM = 8


def unit(rows: int, seed: int = 0) -> np.ndarray:
    vectors = np.random.default_rng(seed).normal(size=(rows, DIM)).astype(np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def put(catalog: Catalog, root: Path, space_id: int, ids: list[int], vectors: np.ndarray) -> None:
    pending = write_segment(catalog, root, space_id, np.array(ids), vectors)
    with catalog.write() as session:
        pending.commit(session)


def expected(ids: np.ndarray, vectors: np.ndarray, query: np.ndarray, k: int) -> list[int]:
    return ids[np.argsort(-(vectors @ query), kind="stable")[:k]].tolist()


def test_block_is_readable_without_faiss(catalog: Catalog, space_id: int, tmp_path: Path) -> None:
    vectors = unit(5)
    put(catalog, tmp_path, space_id, [9, 7, 5, 3, 1], vectors)
    folder = next((tmp_path / f"text-{space_id}").iterdir())
    block = np.load(folder / "block.npy", mmap_mode="r")
    assert block.dtype == np.float16
    np.testing.assert_allclose(block, vectors[::-1], atol=1e-3)
    assert np.load(folder / "ids.npy").tolist() == [1, 3, 5, 7, 9]
    manifest = json.loads((folder / "manifest.json").read_text())
    assert (manifest["rows"], manifest["dim"], manifest["kind"]) == (5, DIM, "exact")
    assert not list(folder.parent.glob("*.tmp"))


def test_nothing_is_live_before_the_commit(catalog: Catalog, space_id: int, tmp_path: Path) -> None:
    reader = SpaceReader(catalog, tmp_path, space_id)
    pending = write_segment(catalog, tmp_path, space_id, np.array([1]), unit(1))
    assert not reader.refresh()
    assert len(reader) == 0
    with catalog.write() as session:
        pending.commit(session)
    assert reader.refresh()
    assert (len(reader), reader.generation) == (1, 1)


@pytest.mark.parametrize(
    ("ids", "vectors", "error"),
    [
        ([1], np.ones((1, DIM + 1)), DimensionError),
        ([1, 2], np.ones((1, DIM)), DimensionError),
        ([1], np.ones(DIM), DimensionError),
        ([1], np.zeros((1, DIM)), InputError),
        ([1], np.full((1, DIM), np.nan), InputError),
        ([1, 1], np.ones((2, DIM)), InputError),
    ],
)
def test_bad_vectors_are_refused(
    catalog: Catalog,
    space_id: int,
    tmp_path: Path,
    ids: list[int],
    vectors: np.ndarray,
    error: type[Exception],
) -> None:
    with pytest.raises(error):
        write_segment(catalog, tmp_path, space_id, np.array(ids), vectors)
    with catalog.read() as session:
        assert session.scalar(select(func.count()).select_from(Segment)) == 0


def test_vectors_of_another_model_are_refused(catalog: Catalog, space_id: int, tmp_path: Path) -> None:
    with pytest.raises(StampError):
        write_segment(catalog, tmp_path, space_id, np.array([1]), unit(1), stamp="other")
    put(catalog, tmp_path, space_id, [1], unit(1))
    with catalog.write() as session:
        session.get_one(Space, space_id).stamp = "t" * 64
    with pytest.raises(StampError):
        SpaceReader(catalog, tmp_path, space_id)


def test_unknown_space(catalog: Catalog, tmp_path: Path) -> None:
    with pytest.raises(NotFoundError):
        SpaceReader(catalog, tmp_path, 77)
    with pytest.raises(NotFoundError):
        write_segment(catalog, tmp_path, 77, np.array([1]), unit(1))


def test_no_items_are_no_segment(catalog: Catalog, space_id: int, tmp_path: Path) -> None:
    put(catalog, tmp_path, space_id, [], np.zeros((0, DIM)))
    reader = SpaceReader(catalog, tmp_path, space_id)
    scores, ids = reader.search(unit(2), 3)
    assert (ids == -1).all()
    assert np.isneginf(scores).all()
    assert np.isnan(reader.vectors(np.array([4]))).all()


#: Searched as one matrix; by one index each; small ones as a matrix and the large one by its index.
SHAPES = [
    {"matrix_rows": 1000, "small_rows": 1000},
    {"matrix_rows": 0, "small_rows": 0},
    {"matrix_rows": 0, "small_rows": 30},
]


@pytest.mark.parametrize("shape", SHAPES)
def test_search_equals_brute_force(
    catalog: Catalog, space_id: int, tmp_path: Path, shape: dict[str, int]
) -> None:
    vectors, ids = unit(150), np.arange(1000, 1150)
    for start, stop in ((0, 10), (10, 30), (30, 150)):
        put(catalog, tmp_path, space_id, ids[start:stop].tolist(), vectors[start:stop])
    reader = SpaceReader(catalog, tmp_path, space_id, **shape)
    for query in unit(5, seed=1):
        for allowed in (None, ids[::2], ids[:20], ids[140:], np.array([5])):
            seen = np.arange(150) if allowed is None else np.flatnonzero(np.isin(ids, allowed))
            wanted = expected(ids[seen], vectors[seen], query, 10)
            scores, found = reader.search(query[None], 10, allowed=allowed)
            known = found[0][found[0] >= 0]
            assert len(known) == len(wanted)
            exact = vectors[known - 1000] @ query
            np.testing.assert_allclose(scores[0][: len(known)], exact, atol=2e-3)
            best = np.sort(vectors[seen] @ query)[::-1][: len(known)]
            np.testing.assert_allclose(exact, best, atol=4e-3)
    np.testing.assert_allclose(reader.vectors(ids[::-1]), vectors[::-1], atol=1e-3)
    everything = reader.all()
    assert everything[0].tolist() == ids.tolist()
    np.testing.assert_allclose(everything[1], vectors, atol=1e-3)


@pytest.mark.parametrize("shape", SHAPES)
def test_superseded_and_removed_rows_are_masked(
    catalog: Catalog, space_id: int, tmp_path: Path, shape: dict[str, int]
) -> None:
    old, new = unit(100), unit(1, seed=3)
    put(catalog, tmp_path, space_id, list(range(100)), old)
    reader = SpaceReader(catalog, tmp_path, space_id, **shape)
    before = reader.view
    put(catalog, tmp_path, space_id, [7], new)
    with catalog.write() as session:
        remove_items(session, [space_id], [8, 9])
    assert reader.refresh()
    assert len(reader) == 98
    _, found = reader.search(np.concatenate([old[[7, 8]], new]), 98)
    for row in found:
        assert sorted(row.tolist()) == [i for i in range(100) if i not in (8, 9)]
    assert found[2, 0] == 7
    assert found[0, 0] != 7
    np.testing.assert_allclose(reader.vectors(np.array([7]))[0], new[0], atol=1e-3)
    assert np.isnan(reader.vectors(np.array([8, 9]))).all()
    assert len(before) == 100, "a view stays what it was"
    with catalog.write() as session:
        remove_items(session, [space_id], list(range(10, 90)))
    reader.refresh()
    assert sorted(reader.search(new, 50)[1][0].tolist())[-18:] == [*range(8), *range(90, 100)]


@pytest.mark.parametrize("name", ["ids.npy", "block.npy", "index.faiss", "manifest.json"])
@pytest.mark.parametrize("harm", ["flip", "truncate", "delete"])
def test_damage_is_found_at_open(
    catalog: Catalog, space_id: int, tmp_path: Path, name: str, harm: str, small_indexes: None
) -> None:
    put(catalog, tmp_path, space_id, list(range(300)), unit(300))
    path = next(tmp_path.glob(f"text-*/*/{name}"))
    data = bytearray(path.read_bytes())
    if harm == "flip":
        data[len(data) // 2] ^= 1
        path.write_bytes(bytes(data))
    elif harm == "truncate":
        path.write_bytes(bytes(data[:-1]))
    else:
        path.unlink()
    with pytest.raises(DamagedError) as caught:
        SpaceReader(catalog, tmp_path, space_id)
    assert name in str(caught.value)
    assert caught.value.remedy


def test_compaction_keeps_every_item_and_collection_clears(
    catalog: Catalog, space_id: int, tmp_path: Path
) -> None:
    vectors = unit(20)
    for item in range(20):
        put(catalog, tmp_path, space_id, [item], vectors[item : item + 1])
    put(catalog, tmp_path, space_id, [3], unit(1, seed=9))
    stale = write_segment(catalog, tmp_path, space_id, np.array([50]), unit(1))
    reader = SpaceReader(catalog, tmp_path, space_id)
    before = reader.all()
    assert compact(catalog, tmp_path, space_id, min_segments=30) == 0
    assert compact(catalog, tmp_path, space_id) == 20
    assert reader.refresh()
    assert len(reader.view.cached) == 1
    np.testing.assert_array_equal(reader.all()[0], before[0])
    np.testing.assert_allclose(reader.all()[1], before[1], atol=1e-3)
    # 21 merged or superseded; the fresh intent stays
    assert collect(catalog, tmp_path) == 21
    assert len(list((tmp_path / f"text-{space_id}").iterdir())) == 2
    assert SpaceReader(catalog, tmp_path, space_id).all()[0].tolist() == list(range(20))
    assert collect(catalog, tmp_path, space_id, intent_grace_s=-10) == 1
    with pytest.raises(ConflictError), catalog.write() as session:
        stale.commit(session)


def test_compaction_does_not_revive_what_changed_meanwhile(
    catalog: Catalog, space_id: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    vectors = unit(12)
    for item in range(12):
        put(catalog, tmp_path, space_id, [item], vectors[item : item + 1])
    newer = unit(1, seed=5)
    import chiasm.spaces.compaction as module

    def interrupted(*args: object, **options: object) -> object:
        put(catalog, tmp_path, space_id, [0], newer)
        with catalog.write() as session:
            remove_items(session, [space_id], [1])
        return stream_segment(*args, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(module, "stream_segment", interrupted)
    assert compact(catalog, tmp_path, space_id) == 12
    reader = SpaceReader(catalog, tmp_path, space_id)
    assert reader.all()[0].tolist() == [0, *range(2, 12)]
    np.testing.assert_allclose(reader.vectors(np.array([0])), newer, atol=1e-3)


def test_superseded_segments_are_retired(catalog: Catalog, space_id: int, tmp_path: Path) -> None:
    put(catalog, tmp_path, space_id, [1], unit(1))
    put(catalog, tmp_path, space_id, [1], unit(1, seed=1))
    with catalog.write() as session:
        assert retire(session, space_id) == 1
        assert session.scalars(select(Embedding.item_id)).all() == [1]


@pytest.mark.parametrize("name", kind_names())
def test_every_kind_really_filters(name: str, tmp_path: Path) -> None:
    kind, block = index_kind(name), unit(300).astype(np.float16)
    index = flat = flat_view(block)
    if kind.stored:
        kind.save(kind.build(block), tmp_path / "index")
        index = kind.open(tmp_path / "index", flat)
    mask = np.zeros(300, dtype=np.bool_)
    mask[100:140] = True
    effort = Effort(300, 8)
    queries = block[:3].astype(np.float32)
    scores, found = kind.search(index, queries, 60, effort, selector_of(mask))
    for row in range(3):
        known = set(found[row][found[row] >= 0].tolist())
        # Fast scan may drop the very worst of what it is asked for; a part then looks again, exactly.
        assert known <= set(range(100, 140)) and len(known) >= (36 if name == "ivfpq" else 40)
        assert np.isneginf(scores[row][found[row] < 0]).all()
    candidates = kind.candidates(index, queries, 60, effort, selector_of(mask))
    assert set(candidates[candidates >= 0].tolist()) <= set(range(100, 140))
    assert kind.search(index, queries[:1], 1, effort)[1][0, 0] == 0


def test_query_of_another_dimension(catalog: Catalog, space_id: int, tmp_path: Path) -> None:
    put(catalog, tmp_path, space_id, [1], unit(1))
    with pytest.raises(DimensionError):
        SpaceReader(catalog, tmp_path, space_id).search(np.ones((1, DIM + 1)), 3)
