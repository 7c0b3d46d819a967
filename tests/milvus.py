"""milvus-lite: in this process for a session of tests, or as a server of its own."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import pytest
from tests.servers import Server

from chiasm.settings import Settings
from chiasm.spaces.milvus import MilvusStore

__all__ = ["MilvusServer", "lite_store", "milvus_server"]


class MilvusServer(Server):
    """milvus-lite's server: the protocol of a real one, without users and TLS."""

    start_s = 90.0

    @property
    def url(self) -> str:
        """As `CHIASM_SPACES_URL`."""
        return f"milvus+http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Come up, with what it kept on its disk."""
        data = self.folder / "data"
        self._run(sys.executable, "-m", "milvus_lite", "server", "--data-dir", data, "--port", str(self.port))
        self._wait()


@pytest.fixture(scope="session")
def lite_store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MilvusStore]:
    """A store of milvus-lite; collections of tests differ by their segments' names."""
    pytest.importorskip("pymilvus")
    pytest.importorskip("milvus_lite")
    folder = tmp_path_factory.mktemp("milvus")
    store = MilvusStore(Settings(home=folder, spaces_url=f"milvus+file://{folder / 'spaces.db'}"))
    yield store
    store.close()


@pytest.fixture
def milvus_server() -> Iterator[MilvusServer]:
    """A running server."""
    pytest.importorskip("milvus_lite")
    server = MilvusServer()
    try:
        server.start()
        yield server
    finally:
        server.remove()
