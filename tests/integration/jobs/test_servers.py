"""What servers add: writers that do not wait for each other, and brokers that go away."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from sqlalchemy import select
from tests.places import on
from tests.servers import free_port

from chiasm import jobs
from chiasm.catalog import Catalog
from chiasm.catalog.models import Job
from chiasm.settings import load_settings

Home = Any


@on("postgresql")
def test_claims_are_never_doubled(home: Home) -> None:
    job_id = home.ask("embed", [{"asset_ids": [index]} for index in range(120)])
    catalogs = [Catalog(home.settings.catalog_url) for _ in range(4)]

    def work(catalog: Catalog) -> list[int]:
        mine = []
        while claims := jobs.claim(catalog, ["ingest"], f"worker-{id(catalog)}", limit=3):
            for one in claims:
                with catalog.write() as session:
                    jobs.finish(session, one, {"embedded": 1})
                mine.append(one.unit_id)
        return mine

    with ThreadPoolExecutor(4) as pool:
        done = [unit for part in pool.map(work, catalogs) for unit in part]
    for catalog in catalogs:
        catalog.close()
    assert len(done) == len(set(done)) == 120
    progress = jobs.progress(home.catalog, job_id)
    assert (progress.state, progress.result) == ("done", {"embedded": 120})


@on("postgresql")
def test_one_key_makes_one_job(home: Home) -> None:

    def ask(_: int) -> int:
        with home.catalog.write() as session:
            return jobs.create_job(session, home.workspace_id, "ingest", {}, "same").id

    with ThreadPoolExecutor(4) as pool:
        assert len(set(pool.map(ask, range(8)))) == 1
    with home.catalog.read() as session:
        assert len(session.scalars(select(Job.id).where(Job.idempotency_key == "same")).all()) == 1


def test_a_broker_that_is_away_delays_work_and_loses_none(make_home: Any) -> None:
    home = make_home(broker_url=f"redis://127.0.0.1:{free_port()}/0")
    home.start("worker", "--queues", "ingest")
    job_id = home.ask("note", [{"name": "still done"}])
    begin = time.monotonic()
    assert not jobs.notify(home.settings, "ingest")
    assert time.monotonic() - begin < 20.0
    assert home.wait(job_id).state == "done"


def test_settings_reach_the_processes(tmp_path: Path) -> None:
    settings = load_settings(tmp_path, lease_s=3.5, allow_urls=True)
    environment = jobs.settings_environment(settings)
    assert environment["CHIASM_LEASE_S"] == "3.5"
    assert environment["CHIASM_ALLOW_URLS"] == "True"
    assert environment["CHIASM_HOME"] == str(tmp_path.resolve())
    assert "CHIASM_DATABASE_URL" not in environment
