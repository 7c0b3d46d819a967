"""milvus-lite for a session of tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from chiasm.settings import Settings
from chiasm.spaces.milvus import MilvusStore

__all__ = ["lite_store"]


@pytest.fixture(scope="session")
def lite_store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MilvusStore]:
    """A store of milvus-lite; collections of tests differ by their segments' names."""
    pytest.importorskip("pymilvus")
    pytest.importorskip("milvus_lite")
    folder = tmp_path_factory.mktemp("milvus")
    store = MilvusStore(Settings(home=folder, spaces_url=f"milvus+file://{folder / 'spaces.db'}"))
    yield store
    store.close()
