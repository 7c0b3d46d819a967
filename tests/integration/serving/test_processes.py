"""Several processes of the service on one port."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
from benchmarks.serving.load import Connection
from benchmarks.serving.server import Server, processes_below

import chiasm

pytestmark = pytest.mark.slow
_ENVIRONMENT = {"CHIASM_TEXT_ENCODER": "hash:text/64"}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("serving") / "home"
    with pytest.MonkeyPatch.context() as patch:
        for name, value in _ENVIRONMENT.items():
            patch.setenv(name, value)
        with chiasm.open(home) as kb:
            kb.ingest({"key": f"e:{n}", "title": f"thing {n}"} for n in range(50)).wait(120)
    return home


@pytest.fixture
def server(home: Path) -> Iterator[Server]:
    server = Server(
        "chiasm.api", "--home", str(home), "--port", "0", "--processes", "2", environment=_ENVIRONMENT
    )
    yield server
    if server.process.poll() is None:
        server.close()


def until(true: Callable[[], bool], timeout_s: float = 90) -> None:
    deadline = time.monotonic() + timeout_s
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def found(port: int, key: str) -> bool:
    connection = Connection(port)
    try:
        status, answer = connection.ask("/v1/search", json.dumps({"entity": key, "k": 3}).encode())
        return status == 200 and len(json.loads(answer)["hits"]) == 3
    finally:
        connection.close()


def test_one_that_dies_is_replaced_and_all_end_together(server: Server, home: Path) -> None:
    first = processes_below(server.process.pid)
    assert len(first) == 2 and found(server.port, "e:1")
    os.kill(first[0], signal.SIGKILL)
    until(lambda: len({*processes_below(server.process.pid)} - {first[0]}) == 2)
    until(lambda: found(server.port, "e:2"))
    # What each has counted is told by whoever is asked.
    for key in range(20):
        assert found(server.port, f"e:{key}")
    text = httpx.get(f"{server.url}/metrics").text
    [counted] = [
        line for line in text.splitlines() if line.startswith('chiasm_http_requests_total{method="POST"')
    ]
    assert float(counted.rpartition(" ")[2]) >= 20
    assert 'chiasm_search_stage_seconds_count{stage="rank"}' in text
    children = processes_below(server.process.pid)
    assert server.close() == 0
    assert not any(Path(f"/proc/{pid}").exists() for pid in children)
    assert not list((home / "run").iterdir())


def test_none_outlives_a_parent_that_is_killed(server: Server) -> None:
    children = processes_below(server.process.pid)
    server.process.kill()
    server.process.wait()
    until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in children), 30)


def test_what_is_being_answered_is_finished(server: Server) -> None:
    connection = Connection(server.port)
    queries = [{"entity": f"e:{n % 50}", "k": 50, "explain": True} for n in range(12)]
    connection.send("/v1/search/batch", json.dumps({"queries": queries}).encode())
    # Time for it to be read, not for it to be answered.
    time.sleep(0.2)
    server.process.send_signal(signal.SIGTERM)
    while (answer := connection.receive()) is None:
        pass
    assert answer[0] == 200 and len(json.loads(answer[1])["results"]) == 12
    connection.close()
    assert server.process.wait(60) == 0
