"""Blocks that are verified by the piece, where they are used."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pytest

from chiasm.catalog import Catalog
from chiasm.errors import DamagedError
from chiasm.spaces import SpaceReader, kinds, manifest, pieces, segment, write_segment
from chiasm.spaces.pieces import PieceGuard, describe

DIM = 8


@pytest.fixture
def lazy(monkeypatch: pytest.MonkeyPatch) -> None:
    """Codes from 100 rows on, and pieces of 1 KiB that nobody verifies ahead."""
    monkeypatch.setattr(kinds, "HNSW_ROWS", 100)
    monkeypatch.setattr(kinds, "IVFPQ_ROWS", 100)
    monkeypatch.setattr(pieces, "PIECE_BYTES", 1024)
    monkeypatch.setattr(segment, "_LAZY_BYTES", 0)
    monkeypatch.setattr(PieceGuard, "watch", lambda self: None)


def filled(catalog: Catalog, root: Path, space_id: int) -> tuple[Path, np.ndarray]:
    vectors = np.random.default_rng(0).normal(size=(2000, DIM)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    pending = write_segment(catalog, root, space_id, np.arange(2000), vectors)
    with catalog.write() as session:
        pending.commit(session)
    return next(root.glob("text-*/*/block.npy")), vectors


def flip(path: Path, at: int) -> None:
    data = bytearray(path.read_bytes())
    data[at] ^= 1
    path.write_bytes(bytes(data))


def test_only_what_is_used_is_verified(catalog: Catalog, space_id: int, tmp_path: Path, lazy: None) -> None:
    block, vectors = filled(catalog, tmp_path, space_id)
    flip(block, block.stat().st_size - 1)
    view = SpaceReader(catalog, tmp_path, space_id, small_rows=0).view
    allowed = np.arange(100)
    _, found = view.search(vectors[:3], 5, allowed=allowed)
    assert found[:, 0].tolist() == [0, 1, 2]
    np.testing.assert_allclose(view.vectors(allowed), vectors[:100], atol=1e-3)
    assert not view.indexed[0].segment.guard.complete
    for use in (
        lambda: view.search(vectors[-1:], 5),
        lambda: view.search(vectors[:1], 5, allowed=np.arange(1900, 2000)),
        lambda: view.vectors(np.array([1999])),
        view.all,
    ):
        with pytest.raises(DamagedError) as caught:
            use()
        assert "block.npy" in str(caught.value.where) and caught.value.remedy


def test_searches_agree_before_and_after(catalog: Catalog, space_id: int, tmp_path: Path, lazy: None) -> None:
    _, vectors = filled(catalog, tmp_path, space_id)
    view = SpaceReader(catalog, tmp_path, space_id, small_rows=0).view
    first = view.search(vectors[:20], 7)
    view.indexed[0].segment.guard.require_all()
    assert view.indexed[0].segment.guard.complete
    second = view.search(vectors[:20], 7)
    np.testing.assert_array_equal(first[1], second[1])
    np.testing.assert_allclose(first[0], second[0], atol=1e-5)


def test_a_segment_of_the_format_before(
    catalog: Catalog, space_id: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    vectors = np.random.default_rng(0).normal(size=(20_000, DIM)).astype(np.float32)
    with monkeypatch.context() as before:
        before.setattr(pieces, "PIECE_BYTES", 2**22)
        before.setattr(manifest, "_FORMATS", (1, 2))
        pending = write_segment(catalog, tmp_path, space_id, np.arange(20_000), vectors)
        with catalog.write() as session:
            pending.commit(session)
    [block] = tmp_path.glob("text-*/*/block.npy")
    assert block.stat().st_size > 2 * pieces.PIECE_BYTES
    assert len(SpaceReader(catalog, tmp_path, space_id).view) == 20_000
    flip(block, 2 * pieces.PIECE_BYTES)
    with pytest.raises(DamagedError):
        SpaceReader(catalog, tmp_path, space_id).view.all()


def test_what_is_verified_in_the_background_is_raised_by_the_next_use(tmp_path: Path) -> None:
    path = tmp_path / "block"
    path.write_bytes(bytes(3 * pieces.PIECE_BYTES))
    about = describe(path)
    flip(path, 2 * pieces.PIECE_BYTES + 5)
    guard = PieceGuard(path, about["bytes"], about["pieces"], about["sha256"])
    guard.require(np.array([0]), np.array([10]))
    guard.watch()
    with pytest.raises(DamagedError):
        for _ in range(500):
            guard.check()
            time.sleep(0.02)


def test_a_file_without_pieces_is_read_in_strides(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pieces, "_STRIDE_BYTES", 1000)
    path = tmp_path / "file"
    path.write_bytes(bytes(range(256)) * 20)
    about = describe(path)
    PieceGuard(path, 5120, None, about["sha256"]).require_all()
    flip(path, 5119)
    with pytest.raises(DamagedError):
        PieceGuard(path, 5120, None, about["sha256"]).require_all()


@pytest.mark.parametrize("size", [0, 1, pieces.PIECE_BYTES - 1, pieces.PIECE_BYTES, pieces.PIECE_BYTES + 1])
def test_files_of_any_size(tmp_path: Path, size: int) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"x" * size)
    about = describe(path)
    guard = PieceGuard(path, about["bytes"], about["pieces"], about["sha256"])
    guard.require_all()
    assert guard.complete
    path.write_bytes(b"y" * size)
    if size:
        whole = PieceGuard(path, size, None, about["sha256"])
        with pytest.raises(DamagedError):
            whole.require_all()
        with pytest.raises(DamagedError):
            PieceGuard(path, size + 1, about["pieces"], about["sha256"])
