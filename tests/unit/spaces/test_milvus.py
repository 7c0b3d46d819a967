"""What Milvus does not know, has lost or cannot say costs time, never an answer."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from tests.milvus import MilvusServer, lite_store, milvus_server  # noqa: F401 - fixtures

from chiasm.catalog import Catalog
from chiasm.errors import UnavailableError
from chiasm.settings import Settings
from chiasm.spaces import SpaceReader, compact, remove_items, write_segment
from chiasm.spaces.milvus import MilvusSource, MilvusStore, Mirror, Naming
from chiasm.spaces.view import View

DIM, ROWS, SMALL = 8, 200, 20
SIZES = {"matrix_rows": 0, "small_rows": SMALL}


@pytest.fixture(autouse=True)
def _asks_for_few_rows_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("chiasm.spaces.asked._EXACT_ROWS", 0)
    monkeypatch.setattr("chiasm.spaces.milvus.source._AGAIN_S", 0.0)
    monkeypatch.setattr("chiasm.spaces.milvus.store._BATCH", 64)


@pytest.fixture
def vectors() -> np.ndarray:
    vectors = np.random.default_rng(0).normal(size=(ROWS, DIM)).astype(np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


@pytest.fixture
def filled(catalog: Catalog, space_id: int, tmp_path: Path, vectors: np.ndarray) -> Catalog:
    put(catalog, tmp_path, space_id, np.arange(ROWS), vectors)
    return catalog


def put(catalog: Catalog, root: Path, space_id: int, ids: np.ndarray, vectors: np.ndarray) -> None:
    pending = write_segment(catalog, root, space_id, ids, vectors)
    with catalog.write() as session:
        pending.commit(session)


def best(vectors: np.ndarray, k: int = 5) -> list[int]:
    return np.argsort(-(vectors @ vectors[3]), kind="stable")[:k].tolist()


class Asked:
    """A view, and what it asked Milvus."""

    def __init__(self, catalog: Catalog, root: Path, store: MilvusStore) -> None:
        self.source = MilvusSource(store, Naming(catalog))
        self.questions: list[tuple[int, int | None]] = []
        self.reader = SpaceReader(catalog, root, 1, **SIZES, source=self.source)
        whole = store.search

        def search(name: str, queries: np.ndarray, n: int, rows: np.ndarray | None = None) -> np.ndarray:
            self.questions.append((n, None if rows is None else len(rows)))
            return whole(name, queries, n, rows)

        store.search = search  # type: ignore[method-assign]

    @property
    def view(self) -> View:
        self.reader.refresh()
        return self.reader.view


@pytest.fixture
def store(lite_store: MilvusStore, monkeypatch: pytest.MonkeyPatch) -> Iterator[MilvusStore]:  # noqa: F811
    monkeypatch.setattr(lite_store, "search", lite_store.search)
    yield lite_store
    lite_store._not_before = 0.0


def test_filters_are_pushed_down_or_made_up_for(
    filled: Catalog, tmp_path: Path, vectors: np.ndarray, store: MilvusStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert Mirror(filled, tmp_path, store, small_rows=SMALL).follow() == (1, 0)
    asked = Asked(filled, tmp_path, store)
    query = vectors[3:4]
    assert asked.view.search(query, 5)[1][0].tolist() == best(vectors)
    even = np.arange(0, ROWS, 2)
    monkeypatch.setattr(MilvusSource, "max_listed", 150)
    found = asked.view.search(query, 5, allowed=even)[1][0].tolist()
    assert found == [2 * at for at in np.argsort(-(vectors[even] @ vectors[3]), kind="stable")[:5].tolist()]
    monkeypatch.setattr(MilvusSource, "max_listed", 0)
    assert asked.view.search(query, 5, allowed=even)[1][0].tolist() == found
    assert asked.questions == [(26, None), (26, 100), (52, None)]


def test_a_copy_that_was_broken_off_is_not_asked_and_made_again(
    filled: Catalog, tmp_path: Path, vectors: np.ndarray, store: MilvusStore
) -> None:
    mirror = Mirror(filled, tmp_path, store, small_rows=SMALL)

    def interrupt(done: int, total: int) -> None:
        assert total == ROWS
        if done > ROWS // 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        mirror.follow(interrupt)
    asked = Asked(filled, tmp_path, store)
    assert asked.view.search(vectors[3:4], 5)[1][0].tolist() == best(vectors)
    assert asked.questions == []
    assert mirror.follow() == (1, 0)
    assert asked.view.search(vectors[3:4], 5)[1][0].tolist() == best(vectors)
    assert len(asked.questions) == 1


def test_what_somebody_dropped_is_answered_from_the_segment_and_copied_again(
    filled: Catalog, tmp_path: Path, vectors: np.ndarray, store: MilvusStore
) -> None:
    mirror = Mirror(filled, tmp_path, store, small_rows=SMALL)
    mirror.follow()
    asked = Asked(filled, tmp_path, store)
    (name,) = store.names(mirror.naming.prefix)
    for _ in range(2):
        store._connected().drop_collection(name)
        assert asked.view.search(vectors[3:4], 5)[1][0].tolist() == best(vectors)
        assert mirror.follow() == (1, 0)


def test_a_collection_that_goes_between_two_questions(
    filled: Catalog, tmp_path: Path, vectors: np.ndarray, store: MilvusStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("chiasm.spaces.milvus.source._AGAIN_S", 60.0)
    mirror = Mirror(filled, tmp_path, store, small_rows=SMALL)
    mirror.follow()
    asked = Asked(filled, tmp_path, store)
    assert asked.view.search(vectors[3:4], 5)[1][0].tolist() == best(vectors)
    store._connected().drop_collection(store.names(mirror.naming.prefix)[0])
    assert asked.view.search(vectors[3:4], 5)[1][0].tolist() == best(vectors)
    assert not store.away, "the server is there"


def test_dead_rows_are_deleted_and_collections_of_old_segments_dropped(
    filled: Catalog, space_id: int, tmp_path: Path, vectors: np.ndarray, store: MilvusStore
) -> None:
    mirror = Mirror(filled, tmp_path, store, small_rows=SMALL)
    mirror.follow()
    (name,) = store.names(mirror.naming.prefix)
    marker = 1
    assert store.count(name) == ROWS + marker
    with filled.write() as session:
        remove_items(session, [space_id], list(range(50)))
    put(filled, tmp_path, space_id, np.array([60]), vectors[:1])
    for _ in range(2):
        assert mirror.follow() == (0, 0)
        assert store.count(name) == ROWS - 51 + marker
    foreign = "chiasm_0123456789ab_somebody"
    list(store.fill(foreign, np.arange(1), [vectors[:1]], DIM))
    assert compact(filled, tmp_path, space_id, min_segments=1) == 2
    assert mirror.follow() == (1, 1)
    (newer,) = store.names(mirror.naming.prefix)
    assert newer != name
    assert store.count(newer) == ROWS - 50 + marker
    assert mirror.clear() == 1
    assert store.names("chiasm_0123456789ab_") == [foreign], "another home's"
    store.drop(foreign)
    store.drop(foreign)


def test_a_server_that_is_killed_is_done_without_and_found_again(
    filled: Catalog,
    tmp_path: Path,
    vectors: np.ndarray,
    milvus_server: MilvusServer,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr("chiasm.spaces.milvus.store._PAUSE_S", 1.0)
    store = MilvusStore(Settings(home=tmp_path, spaces_url=milvus_server.url, spaces_timeout_s=20))
    Mirror(filled, tmp_path, store, small_rows=SMALL).follow()
    asked = Asked(filled, tmp_path, store)
    assert asked.view.search(vectors[3:4], 5)[1][0].tolist() == best(vectors)
    assert len(asked.questions) == 1
    milvus_server.stop()
    store._settings = Settings(home=tmp_path, spaces_url=milvus_server.url, spaces_timeout_s=0.5)
    for _ in range(20):
        assert asked.view.search(vectors[3:4], 5)[1][0].tolist() == best(vectors)
    assert "own indexes" in caplog.text
    with pytest.raises(UnavailableError, match="Milvus does not answer") as caught:
        Mirror(filled, tmp_path, store, small_rows=SMALL).follow()
    assert "nothing is lost" in str(caught.value.remedy)
    milvus_server.start()
    store._settings = Settings(home=tmp_path, spaces_url=milvus_server.url, spaces_timeout_s=20)
    end = time.monotonic() + 60
    before = len(asked.questions)
    while len(asked.questions) == before and time.monotonic() < end:
        assert asked.view.search(vectors[3:4], 5)[1][0].tolist() == best(vectors)
        time.sleep(0.2)
    assert len(asked.questions) > before
    store.close()


def test_milvus_lite_is_for_one_process(lite_store: MilvusStore, tmp_path: Path) -> None:  # noqa: F811
    lite_store.names("")
    import subprocess
    import sys

    code = (
        "import sys; from chiasm.settings import Settings; from chiasm.spaces.milvus import MilvusStore\n"
        "from chiasm.errors import UnavailableError\n"
        "store = MilvusStore(Settings(home=sys.argv[1], spaces_url=sys.argv[2]))\n"
        "try:\n    store.names('')\nexcept UnavailableError as error:\n    print(error)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path), lite_store.url.text],
        capture_output=True,
        text=True,
        check=True,
    )
    assert "another process" in done.stdout
    assert "Milvus server" in done.stdout
