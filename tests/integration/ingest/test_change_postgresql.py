"""Changing and forgetting on PostgreSQL: its locks, its types, its own traces."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from chiasm import ingest
from chiasm.catalog import Catalog
from chiasm.ingest import clear
from chiasm.ingest.prepare import prepare
from chiasm.ingest.records import parse_record
from chiasm.ingest.sources import MediaSource
from chiasm.ingest.write import Batch, Targets, write_batch
from chiasm.releases import forget

from .conftest import Home
from .test_change import entity, fill, found
from .test_forget import KEY, MARK, secret, submit, traces
from .test_units import manifest, png

pytestmark = pytest.mark.slow


@pytest.fixture
def server_home(home: Home, tmp_path: Path, postgres_url: str) -> Iterator[Home]:
    """The encoders of the other homes, the catalog on a server."""
    settings = home.settings.model_copy(
        update={"home": tmp_path / "server-home", "database_url": postgres_url, "broker_url": "memory://"}
    )
    on_server = Home(settings, home.given)
    yield on_server
    on_server.catalog.close()


def test_deleting_and_forgetting(server_home: Home, tmp_path: Path) -> None:
    home = server_home
    fill(home, tmp_path)
    folder = tmp_path / "data"
    (folder).mkdir()
    (folder / "face.png").write_bytes(png())
    _, job_id = home.ingest(manifest(folder, secret(), {"key": KEY, "x": MARK}))
    assert home.failures(job_id)
    ingest.delete_entity(home.catalog, home.workspace_id, "t1")
    cleared = clear.submit_clear(home.settings, home.catalog, home.workspace_id, "pets")
    home.work()
    assert home.result(cleared)["deleted"] == 25
    assert found(home, "tool") == {"t0", "t2", "t3", "t4", KEY}
    receipt = submit(home, KEY)
    assert receipt["state"] == "done" and receipt["counts"]["blobs"] == 1
    assert any("database server" in line for line in receipt["remaining"])
    assert not traces(home, MARK.encode(), png()) and not home.failures(job_id)
    assert forget.list_receipts(home.catalog, home.workspace_id) == [receipt]


def test_of_two_writers_at_once_one_wins(server_home: Home, tmp_path: Path) -> None:
    home = server_home
    home.ingest(manifest(tmp_path / "d", {"key": "a", "title": "zero"}))
    together = threading.Barrier(4)
    conflicts: list[int] = []

    def write(number: int) -> None:
        catalog = Catalog(home.catalog.url)
        raw: dict[str, Any] = {"key": "a", "title": f"writer {number}", "if_revision": 1}
        source = MediaSource(tmp_path)
        one = prepare(parse_record(raw), source, where="m:1", raw=raw, line=1, mode="update")
        together.wait()
        with catalog.write() as session:
            effects = write_batch(session, home.workspace_id, Batch([one]), Targets(), replace=False)
            conflicts.append(len(effects.conflicts))
        catalog.close()

    threads = [threading.Thread(target=write, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(conflicts) == [0, 1, 1, 1] and entity(home, "a").revision == 2
