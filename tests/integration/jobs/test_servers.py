"""The same work on PostgreSQL and Redis, started on loopback where they are installed."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psycopg
import pytest
from sqlalchemy import select

from chiasm import jobs
from chiasm.catalog import Catalog
from chiasm.catalog.models import Job, WorkUnit
from chiasm.jobs.sweeping import sweep
from chiasm.settings import load_settings

Home = Any
_POSTGRES = sorted(Path("/usr/lib/postgresql").glob("*/bin")) or [
    Path(found).parent for found in [shutil.which("postgres")] if found
]


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _listens(port: int, timeout_s: float = 15.0) -> None:
    end = time.monotonic() + timeout_s
    while time.monotonic() < end:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise AssertionError(f"no server came up on port {port}")


@pytest.fixture(scope="module")
def postgres() -> Iterator[str]:
    if not _POSTGRES:
        pytest.skip("PostgreSQL is not installed (apt install postgresql)")
    user = "postgres" if os.geteuid() == 0 else None
    folder = Path(tempfile.mkdtemp(prefix="chiasm-pg-"))
    if user:
        shutil.chown(folder, user)
    port = _free_port()
    options: dict[str, Any] = {
        "user": user,
        "cwd": folder,
        "stdout": subprocess.DEVNULL,
        "stderr": subprocess.DEVNULL,
    }
    binaries = _POSTGRES[-1]
    data = folder / "data"
    subprocess.run(
        [binaries / "initdb", "-D", data, "-A", "trust", "-U", "chiasm", "-N"], check=True, **options
    )
    command = [binaries / "postgres", "-D", data, "-p", str(port), "-h", "127.0.0.1", "-k", folder]
    server = subprocess.Popen([*command, "-c", "fsync=off"], **options)
    try:
        _listens(port)
        time.sleep(0.3)
        yield f"postgresql://chiasm@127.0.0.1:{port}"
    finally:
        # Its fast shutdown: connections are not waited for.
        server.send_signal(signal.SIGINT)
        server.wait(20)
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def postgres_url(postgres: str) -> str:
    """A database of the test's own."""
    name = f"chiasm_{time.monotonic_ns()}"
    with psycopg.connect(f"{postgres}/postgres", autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    return f"{postgres}/{name}"


@pytest.fixture(scope="module")
def redis_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    if shutil.which("redis-server") is None:
        pytest.skip("Redis is not installed (apt install redis-server)")
    port = _free_port()
    command = ["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
    server = subprocess.Popen(
        command, cwd=tmp_path_factory.mktemp("redis"), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        _listens(port)
        yield f"redis://127.0.0.1:{port}/0"
    finally:
        server.terminate()
        server.wait(10)


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
    home = make_home(broker_url=f"redis://127.0.0.1:{_free_port()}/0")
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
