"""What every back end of a space has to do; the same contract on the segments' own indexes and on Milvus."""

from __future__ import annotations

from abc import ABC, abstractmethod
from pathlib import Path

import numpy as np
import pytest
from tests.milvus import lite_store  # noqa: F401 - a fixture

from chiasm.catalog import Catalog
from chiasm.errors import DimensionError
from chiasm.spaces import CandidateSource, SpaceReader, compact, remove_items, write_segment
from chiasm.spaces.gpu import GpuSource
from chiasm.spaces.kinds import faiss_module
from chiasm.spaces.milvus import MilvusSource, MilvusStore, Mirror, Naming
from chiasm.spaces.view import View

DIM, ROWS = 8, 120
INDEXED = {"matrix_rows": 0, "small_rows": 20}


def unit(rows: int, seed: int = 0) -> np.ndarray:
    vectors = np.random.default_rng(seed).normal(size=(rows, DIM)).astype(np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def put(catalog: Catalog, root: Path, space_id: int, ids: np.ndarray, vectors: np.ndarray) -> None:
    pending = write_segment(catalog, root, space_id, ids, vectors)
    with catalog.write() as session:
        pending.commit(session)


class BackEndContract(ABC):
    """A space of a large and a small segment, some of it superseded and removed, against plain arithmetic."""

    @pytest.fixture
    @abstractmethod
    def source(self, catalog: Catalog) -> CandidateSource | None:
        """What names candidates."""

    def follow(self, catalog: Catalog, root: Path) -> None:  # noqa: B027 - most need nothing
        """Bring the back end to where the space is."""

    @pytest.fixture(autouse=True)
    def _asks_for_few_rows_too(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("chiasm.spaces.asked._EXACT_ROWS", 0)

    @pytest.fixture
    def truth(self, catalog: Catalog, space_id: int, tmp_path: Path) -> dict[int, np.ndarray]:
        ids = np.arange(ROWS) * 3 + 2**40
        truth = dict(zip(ids.tolist(), unit(ROWS), strict=True))
        put(catalog, tmp_path, space_id, ids, unit(ROWS))
        self.follow(catalog, tmp_path)
        truth |= dict(zip(ids[:5].tolist(), unit(5, seed=1), strict=True))
        put(catalog, tmp_path, space_id, ids[:5], unit(5, seed=1))
        with catalog.write() as session:
            remove_items(session, [space_id], ids[10:40].tolist())
        for item in ids[10:40].tolist():
            del truth[item]
        return truth

    @pytest.fixture
    def view(
        self,
        catalog: Catalog,
        space_id: int,
        tmp_path: Path,
        truth: dict[int, np.ndarray],
        source: CandidateSource | None,
    ) -> View:
        return SpaceReader(catalog, tmp_path, space_id, **INDEXED, source=source).view

    def check(self, view: View, truth: dict[int, np.ndarray], k: int, allowed: np.ndarray | None) -> None:
        queries = unit(4, seed=9)
        scores, found = view.search(queries, k, allowed=allowed)
        assert scores.shape == found.shape == (4, k)
        kept = np.array([item for item in truth if allowed is None or item in allowed], dtype=np.int64)
        for query, score, ids in zip(queries, scores, found, strict=True):
            products = np.array([truth[item] @ query for item in kept.tolist()])
            wanted = np.sort(products)[::-1][:k]
            known = ids[ids >= 0]
            assert len(known) == len(set(known.tolist())) == len(wanted), "k hits where k exist, none twice"
            assert set(known.tolist()) <= set(kept.tolist())
            np.testing.assert_allclose(score[: len(known)], wanted, atol=4e-3)
            assert np.isneginf(score[len(known) :]).all()

    @pytest.mark.parametrize("k", [1, 10, 90, 200])
    @pytest.mark.parametrize("share", [1.0, 0.5, 0.1, 0.0])
    def test_search_is_exact_under_any_filter(
        self, view: View, truth: dict[int, np.ndarray], k: int, share: float
    ) -> None:
        allowed = None if share == 1.0 else view.ids[: int(share * len(view.ids))]
        self.check(view, truth, k, allowed)

    def test_a_mask_says_the_same_as_ids(self, view: View) -> None:
        mask = np.zeros(len(view.ids), dtype=np.bool_)
        mask[::4] = True
        by_mask = view.search(unit(3), 7, mask=mask)[1]
        assert by_mask.tolist() == view.search(unit(3), 7, allowed=view.ids[mask])[1].tolist()

    def test_what_is_removed_is_not_found_whether_the_back_end_knows_or_not(
        self, catalog: Catalog, tmp_path: Path, view: View, truth: dict[int, np.ndarray]
    ) -> None:
        self.check(view, truth, 10, None)
        self.follow(catalog, tmp_path)
        self.check(view, truth, 10, None)

    def test_vectors_ids_and_all_are_of_the_live_rows(self, view: View, truth: dict[int, np.ndarray]) -> None:
        assert view.ids.tolist() == sorted(truth)
        gone = np.array([2**40 + 30, 7])
        assert np.isnan(view.vectors(gone)).all()
        np.testing.assert_allclose(view.vectors(view.ids), [truth[i] for i in sorted(truth)], atol=1e-3)
        ids, vectors = view.all()
        assert ids.tolist() == sorted(truth)
        np.testing.assert_allclose(vectors, view.vectors(view.ids), atol=1e-6)

    def test_a_query_of_another_dimension(self, view: View) -> None:
        with pytest.raises(DimensionError):
            view.search(np.ones((1, DIM + 1), np.float32), 3)

    def test_merged_segments_answer_at_once(
        self,
        catalog: Catalog,
        space_id: int,
        tmp_path: Path,
        truth: dict[int, np.ndarray],
        source: CandidateSource | None,
    ) -> None:
        # The last change before they are merged: its older row has died, the item has not.
        last = max(truth)
        truth[last] = unit(1, seed=2)[0]
        put(catalog, tmp_path, space_id, np.array([last]), unit(1, seed=2))
        assert compact(catalog, tmp_path, space_id, min_segments=1) == 3
        for _ in range(2):
            view = SpaceReader(catalog, tmp_path, space_id, **INDEXED, source=source).view
            assert (len(view.cached), len(view.indexed)) == (0, 1)
            self.check(view, truth, 10, None)
            self.follow(catalog, tmp_path)


class TestOwnIndexes(BackEndContract):
    @pytest.fixture
    def source(self, catalog: Catalog) -> None:
        return None


class TestMilvus(BackEndContract):
    @pytest.fixture(autouse=True)
    def _store(self, lite_store: MilvusStore) -> None:  # noqa: F811
        self.store = lite_store

    @pytest.fixture
    def source(self, catalog: Catalog) -> CandidateSource:
        return MilvusSource(self.store, Naming(catalog))

    def follow(self, catalog: Catalog, root: Path) -> None:
        Mirror(catalog, root, self.store, small_rows=INDEXED["small_rows"]).follow()


class _FlatOnTheCpu:
    """faiss-gpu where there is no GPU: what is moved stays where it is."""

    def __init__(self) -> None:
        faiss = faiss_module()
        self.IndexFlatIP = faiss.IndexFlatIP
        self.StandardGpuResources = object

    class GpuClonerOptions:
        useFloat16 = False  # noqa: N815 - FAISS's name

    def index_cpu_to_gpu(
        self, resources: object, number: int, index: object, options: GpuClonerOptions
    ) -> object:
        assert options.useFloat16 and number == 0 and resources is not None
        return index


class TestGpu(BackEndContract):
    """The scan runs on the CPU here; that FAISS moves an index is FAISS's own business."""

    @pytest.fixture
    def source(self, catalog: Catalog, monkeypatch: pytest.MonkeyPatch) -> CandidateSource:
        monkeypatch.setattr("chiasm.spaces.gpu.faiss_module", _FlatOnTheCpu)
        return GpuSource(0)


def test_every_source_has_a_contract() -> None:
    tested = {TestMilvus: MilvusSource, TestGpu: GpuSource}
    assert {kind.__name__ for kind in CandidateSource.__subclasses__()} == {
        k.__name__ for k in tested.values()
    }
