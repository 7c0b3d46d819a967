"""The same work on PostgreSQL and Redis, started on loopback where they are installed."""

from __future__ import annotations

import os
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select
from tests.servers import free_port

from chiasm import jobs
from chiasm.catalog import Catalog
from chiasm.catalog.models import Job, WorkUnit
from chiasm.jobs.sweeping import sweep
from chiasm.settings import load_settings

Home = Any


def test_claims_on_postgresql_are_never_doubled(make_home: Any, postgres_url: str) -> None:
    home = make_home(database_url=postgres_url)
    job_id = home.ask("embed", [{"asset_ids": [index]} for index in range(120)])
    catalogs = [Catalog(postgres_url) for _ in range(4)]

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


def test_leases_on_postgresql_run_out_and_are_halved(make_home: Any, postgres_url: str) -> None:
    home = make_home(database_url=postgres_url)
    job_id = home.ask("embed", [{"asset_ids": [1, 2]}])
    for _ in range(2):
        [stale] = jobs.claim(home.catalog, ["ingest"], "gone", lease_s=0.01)
        time.sleep(0.05)
        assert sweep(home.catalog) == 1
    with home.catalog.read() as session:
        payloads = session.scalars(select(WorkUnit.payload).where(WorkUnit.job_id == job_id)).all()
    assert sorted(payload["asset_ids"] for payload in payloads) == [[1], [2]]
    with pytest.raises(jobs.StaleClaim), home.catalog.write() as session:
        jobs.finish(session, stale)
    jobs.cancel(home.catalog, job_id)


def test_one_key_makes_one_job_on_postgresql(make_home: Any, postgres_url: str) -> None:
    home = make_home(database_url=postgres_url)

    def ask(_: int) -> int:
        with home.catalog.write() as session:
            return jobs.create_job(session, home.workspace_id, "ingest", {}, "same").id

    with ThreadPoolExecutor(4) as pool:
        assert len(set(pool.map(ask, range(8)))) == 1
    with home.catalog.read() as session:
        assert len(session.scalars(select(Job.id).where(Job.idempotency_key == "same")).all()) == 1


def test_work_over_redis_and_postgresql(make_home: Any, postgres_url: str, redis_url: str) -> None:
    home = make_home(database_url=postgres_url, broker_url=redis_url)
    assert not jobs.ensure_worker(home.settings)
    worker = home.start("worker")
    home.until(lambda: b"ready" in home.log.read_bytes())
    first = home.ask("note", [{"name": "one"}])
    begin = time.monotonic()
    assert jobs.notify(home.settings, "ingest")
    assert home.wait(first).state == "done"
    assert time.monotonic() - begin < 20.0
    slow = home.ask("slow", [{"name": "two", "steps": 20}])
    jobs.notify(home.settings, "ingest")
    home.until(lambda: jobs.progress(home.catalog, slow).units.get("leased"))
    os.kill(home.runners(worker.pid)[0], 9)
    assert home.wait(slow).result == {"noted": 1}
    assert home.names().count("two") == 1


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
