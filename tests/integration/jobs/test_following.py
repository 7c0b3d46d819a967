"""A job followed and steered from outside: events over HTTP, pause and resume, the shell."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.servers import free_port

import chiasm
from chiasm import jobs

Home = Any


@pytest.fixture
def served(home: Home) -> Iterator[tuple[Home, int]]:
    """A home, and the port of its service."""
    port = free_port()
    _serve(home, port)
    yield home, port


def _serve(home: Home, port: int) -> subprocess.Popen[bytes]:
    process = home.start("serve", "--port", str(port), module="chiasm")
    home.until(lambda: _answers(port))
    return process


def _answers(port: int) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{port}/readyz").status_code == 200
    except httpx.TransportError:
        return False


def _events(url: str, last_id: str | None = None) -> Iterator[dict[str, Any]]:
    headers = {} if last_id is None else {"Last-Event-ID": last_id}
    with httpx.stream("GET", url, headers=headers, timeout=60) as stream:
        assert stream.headers["content-type"].startswith("text/event-stream")
        event: dict[str, str] = {}
        for line in stream.iter_lines():
            name, _, value = line.partition(": ")
            event |= {name: value} if line else {}
            if not line and "data" in event:
                yield {**event, "data": json.loads(event["data"])}
                event = {}


def test_events_say_all_end_with_the_end_and_are_taken_up(served: tuple[Home, int]) -> None:
    home, port = served
    job_id = home.ask("slow", [{"name": f"s{index}", "steps": 60} for index in range(2)] + [{"name": "x"}])
    url = f"http://127.0.0.1:{port}/v1/jobs/{job_id}/events"
    # Who follows an embedded home's job gets it a worker.
    seen = []
    for event in _events(url):
        seen.append(event)
        if event["data"]["stage"] == "stepping" and event["data"]["done"]:
            break
    assert {event["event"] for event in seen} == {"progress"}
    middle = seen[-1]["data"]
    assert middle["state"] == "running" and 0 < middle["done"] < middle["total"]
    assert middle["rate_per_s"] > 0 and middle["eta_s"] > 0 and middle["failures"] == 0
    rest = list(_events(url, seen[-1]["id"]))
    assert rest and rest[0]["id"] != seen[-1]["id"]
    assert [event["event"] for event in rest[:-1]] == ["progress"] * (len(rest) - 1)
    assert rest[-1]["event"] == "end"
    last = rest[-1]["data"]
    # One unit has no steps to take and fails alone.
    assert (last["state"], last["failures"], last["result"]) == ("done", 1, {"noted": 2, "failed": 1})
    assert last["eta_s"] is None and last["finished_at"]
    again = httpx.get(url, headers={"Last-Event-ID": rest[-1]["id"]})
    assert again.status_code == 204
    assert httpx.get(url.replace(f"jobs/{job_id}", "jobs/999")).status_code == 404


def test_paused_resumed_and_followed_over_a_service_that_dies(served: tuple[Home, int]) -> None:
    home, port = served
    job_id = home.ask("slow", [{"name": f"s{index}", "steps": 40} for index in range(4)])
    url = f"http://127.0.0.1:{port}"
    assert httpx.post(f"{url}/v1/jobs/{job_id}/pause").json()["state"] == "paused"
    home.start("worker", "--queues", "ingest")
    with chiasm.connect(url) as kb:
        job = kb.job(job_id)
        states: list[str] = []
        # Of an end that the test does not see, no thread is left.
        follower = threading.Thread(
            target=lambda: states.extend(now.state for now in job.follow()), daemon=True
        )
        follower.start()
        probe = home.ask("note", [{"name": "other work goes on"}])
        assert home.wait(probe).state == "done"
        assert home.names() == ["other work goes on"] and job.progress.state == "paused"
        assert [row.id for row in kb.jobs.list(state="paused")] == [job_id]
        assert job.resume().progress.state in ("queued", "running")
        home.until(lambda: job.progress.units.get("leased"))
        assert job.pause().progress.state == "paused"
        home.until(lambda: not job.progress.units.get("leased"))
        units = job.progress.units
        assert set(units) == {"done", "paused"} and sum(units.values()) == 4
        service = next(one for one in home.processes if b"serve" in _command(one.pid))
        service.kill()
        service.wait()
        _serve(home, port)
        assert job.resume().progress.state == "running"
        assert _shell(home, "show", str(job_id), "--follow")["state"] == "done"
        assert job.wait(60).progress.units == {"done": 4}
        follower.join(60)
    assert states[0] == "paused" and states[-1] == "done"
    assert len(set(home.names())) == 5
    assert not jobs.pause(home.catalog, job_id)


def _command(pid: int) -> bytes:
    return Path(f"/proc/{pid}/cmdline").read_bytes()


def _shell(home: Home, *arguments: str) -> dict[str, Any]:
    command = [
        sys.executable,
        "-m",
        "chiasm",
        "--json",
        "--home",
        str(home.settings.home),
        "jobs",
        *arguments,
    ]
    done = subprocess.run(
        command, env=jobs.settings_environment(home.settings), capture_output=True, check=True, timeout=60
    )
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer
