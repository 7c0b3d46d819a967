"""The blob store on a folder and on an fsspec file system."""

from __future__ import annotations

import uuid
from pathlib import Path

import pytest

from chiasm.errors import DamagedError, NotFoundError
from chiasm.media import BlobStore


@pytest.fixture(params=["folder", "memory"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> BlobStore:
    return BlobStore(str(tmp_path / "b") if request.param == "folder" else f"memory://{uuid.uuid4().hex}")


def test_round_trip(store: BlobStore) -> None:
    address = store.put(b"abc")
    assert address == store.put(b"abc") and store.get(address) == b"abc" and store.has(address)
    store.delete(address)
    store.delete(address)
    assert not store.has(address)
    with pytest.raises(NotFoundError, match="no such blob"):
        store.get(address)


@pytest.mark.parametrize("address", ["../../etc/passwd", "", "A" * 64, "0" * 63])
def test_only_addresses(store: BlobStore, address: str) -> None:
    with pytest.raises(NotFoundError, match="not a blob's address"):
        store.get(address)


def test_a_flipped_byte_is_found_and_a_cut_file_is_healed(tmp_path: Path) -> None:
    store = BlobStore(str(tmp_path))
    address = store.put(b"abcdef")
    path = tmp_path / address[:2] / address[2:4] / address
    path.write_bytes(b"abcdeX")
    with pytest.raises(DamagedError, match="checksum"):
        store.get(address)
    path.write_bytes(b"abc")
    assert store.put(b"abcdef") == address and store.get(address) == b"abcdef"
    assert [p.name for p in path.parent.iterdir()] == [address]
