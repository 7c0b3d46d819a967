"""The database goes away in the middle of a job and comes back: everybody waits, nothing is lost or doubled."""

from __future__ import annotations

import os
import time
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
from tests.places import on
from tests.servers import PostgresServer, free_port

import chiasm
from chiasm.catalog.keys import create_key
from chiasm.catalog.models import WorkUnit
from chiasm.client import KnowledgeBase
from chiasm.client.embedded import EmbeddedBackend, OpenHome
from chiasm.errors import UnavailableError

from .conftest import Home, MakeHome, units

#: A long storm asks for 30 s and more.
OUTAGE_S = float(os.environ.get("STORM_OUTAGE_S", "4"))


@pytest.mark.timeout(300 + OUTAGE_S)
@on("redis")
def test_away_and_back(make_home: MakeHome, postgres: PostgresServer) -> None:
    home = make_home()
    with home.catalog.write() as session:
        secret = create_key(session, home.workspace_id, "test", "write")
    url = f"http://127.0.0.1:{free_port()}"
    home.start("serve", "--port", url.rpartition(":")[2], module="chiasm")
    home.start("worker", "--queues", "ingest")
    home.until(lambda: _ready(url))
    job_id = home.ask("slow", [{"name": f"unit-{index}", "steps": 40} for index in range(3)])
    home.until(lambda: ("leased",) in units(home, WorkUnit.state))
    here = KnowledgeBase(EmbeddedBackend(OpenHome(home.settings)))
    with here, chiasm.connect(url, api_key=secret) as there, ThreadPoolExecutor() as pool:
        waits = [pool.submit(kb.job(job_id).wait, 120 + OUTAGE_S) for kb in (here, there)]
        followed = pool.submit(lambda: [now.state for now in there.job(job_id).follow()])
        time.sleep(0.5)
        postgres.stop()
        try:
            _says_so(home, url, secret, there, job_id)
            time.sleep(OUTAGE_S)
        finally:
            postgres.start()
        assert [wait.result().progress.state for wait in waits] == ["done", "done"]
        assert followed.result()[-1] == "done"
        assert httpx.get(f"{url}/readyz").status_code == 200
    assert sorted(home.names()) == ["unit-0", "unit-1", "unit-2"]
    # No fault of the units; a lease may have run out meanwhile.
    assert {attempts for (attempts,) in units(home, WorkUnit.attempts)} == {0}
    assert all(losses <= 1 for (losses,) in units(home, WorkUnit.losses))


def _ready(url: str) -> bool:
    try:
        return httpx.get(f"{url}/readyz").status_code == 200
    except httpx.TransportError:
        return False


def _says_so(home: Home, url: str, secret: str, there: KnowledgeBase, job_id: int) -> None:
    ready = httpx.get(f"{url}/readyz", timeout=30)
    assert ready.status_code == 503 and "catalog cannot be used" in ready.json()["detail"]
    answer = httpx.get(f"{url}/v1/jobs/{job_id}", headers={"Authorization": f"Bearer {secret}"}, timeout=30)
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
    assert answer.json()["type"].endswith(":unavailable") and "database server" in answer.json()["remedy"]
    with pytest.raises(UnavailableError, match="goes on by itself"):
        _ = there.job(job_id).progress
    with pytest.raises(UnavailableError, match="goes on by itself"), home.catalog.read() as session:
        session.connection()
