from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pytest
from tests.milvus import MilvusServer, milvus_server  # noqa: F401 - a fixture

from chiasm.catalog import Catalog
from chiasm.catalog.models import Base, Space
from chiasm.settings import Settings
from chiasm.spaces import write_segment
from chiasm.spaces.milvus import MilvusStore, Naming
from chiasm_workers.mirroring import Mirroring


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Settings, Catalog]:
    monkeypatch.setattr("chiasm_workers.mirroring._EVERY_S", 0.0)
    monkeypatch.setattr("chiasm.spaces.milvus.mirror.SMALL_ROWS", 10)
    settings = Settings(home=tmp_path)
    catalog = Catalog.open(settings)
    with catalog.write() as session:
        Base.metadata.create_all(session.connection())
    workspace_id = catalog.workspace_id("default")
    with catalog.write() as session:
        session.add(Space(workspace_id=workspace_id, kind="text", stamp="s" * 64, encoder="constant", dim=4))
    pending = write_segment(catalog, settings.spaces_dir, 1, np.arange(50), np.eye(50, 4) + 0.1)
    with catalog.write() as session:
        pending.commit(session)
    return settings, catalog


def test_nothing_is_done_without_milvus(home: tuple[Settings, Catalog]) -> None:
    mirroring = Mirroring(*home)
    assert mirroring.idle() == 0
    assert mirroring._thread is None


def test_what_is_new_is_copied_beside_the_work(
    home: tuple[Settings, Catalog],
    milvus_server: MilvusServer,  # noqa: F811
) -> None:
    settings, catalog = home
    settings = settings.model_copy(update={"spaces_url": milvus_server.url, "spaces_timeout_s": 30.0})
    mirroring = Mirroring(settings, catalog)
    end = time.monotonic() + 120
    while not mirroring.idle() and time.monotonic() < end:
        pass
    while mirroring.idle() and time.monotonic() < end:
        pass
    store = MilvusStore(settings)
    (name,) = store.names(Naming(catalog).prefix)
    assert store.whole(name)
    store.close()


def test_a_server_that_is_away_is_only_told_of(
    home: tuple[Settings, Catalog], caplog: pytest.LogCaptureFixture
) -> None:
    settings, catalog = home
    gone = settings.model_copy(update={"spaces_url": "milvus+http://127.0.0.1:9", "spaces_timeout_s": 0.2})
    mirroring = Mirroring(gone, catalog)
    end = time.monotonic() + 60
    while "does not follow" not in caplog.text and time.monotonic() < end:
        mirroring.idle()
    assert "does not follow" in caplog.text
