"""The first day from the shell, as processes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest

from .conftest import environment, start_service, stop

pytestmark = pytest.mark.slow


def shell(home: Path, *arguments: str, status: int = 0) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "chiasm", *arguments, "--home", str(home)]
    done = subprocess.run(
        command, env=environment(), capture_output=True, text=True, timeout=280, check=False
    )
    assert done.returncode == status, (done.returncode, done.stdout, done.stderr)
    return done


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory, toys: Path) -> Path:
    home = tmp_path_factory.mktemp("shell") / "home"
    shell(home, "init")
    made = json.loads(shell(home, "ingest", str(toys), "--json").stdout)
    assert made["state"] == "done" and made["failures"] == 0
    return home


def test_search_from_the_shell(home: Path) -> None:
    found = json.loads(shell(home, "search", "red circle", "-k", "3", "--json").stdout)
    assert found["release"] == "late-fusion" and found["hits"][0]["key"] == "toy:red-circle"
    assert set(found["hits"][0]) == {"rank", "key", "domain", "title", "score", "cosine", "present"}
    shown = shell(home, "search", "red circle", "--explain", "--into", "toys", "--where", "pitch < 300")
    assert "toy:red-circle" in shown.stdout and "late-fusion" in shown.stderr


def test_the_same_file_twice_does_no_work(home: Path, toys: Path) -> None:
    again = json.loads(shell(home, "ingest", str(toys), "--json").stdout)
    assert again["result"].get("unchanged") == 24 and not again["result"].get("embedded")


def test_a_bad_record_fails_alone(home: Path, tmp_path: Path) -> None:
    manifest = tmp_path / "mixed.jsonl"
    manifest.write_text(
        '{"key": "ok:1", "title": "fine"}\n{"key": "bad:1", "colour": "red"}\n{"key": "ok:2"}\n'
    )
    shown = shell(home, "ingest", str(manifest))
    assert "colour" in shown.stderr and "mixed.jsonl:2" in shown.stderr
    job = json.loads(shell(home, "jobs", "list", "--json").stdout)[0]
    failures = json.loads(shell(home, "jobs", "failures", str(job["id"]), "--json").stdout)
    assert len(failures) == 1 and failures[0]["error"]["remedy"]
    assert json.loads(shell(home, "graph", "show", "ok:2", "--json").stdout)["entity"]["key"] == "ok:2"


def test_doctor_finds_a_damaged_segment(home: Path) -> None:
    healthy = json.loads(shell(home, "doctor", "--json").stdout)
    assert healthy["healthy"], healthy
    block = next(path for path in (home / "spaces").rglob("block.npy"))
    content = block.read_bytes()
    block.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    try:
        found = json.loads(shell(home, "doctor", "--json", status=1).stdout)
        assert any(row["check"] == "segments" and row["level"] == "problem" for row in found["checks"])
        shown = shell(home, "search", "red", "--json", status=1)
        assert json.loads(shown.stdout)["error"] == "damaged"
    finally:
        block.write_bytes(content)


def test_an_interrupt_leaves_the_job_running(home: Path, tmp_path: Path) -> None:
    manifest = tmp_path / "many.jsonl"
    manifest.write_text(
        "".join(json.dumps({"key": f"many:{at}", "text": f"number {at}"}) + "\n" for at in range(400))
    )
    command = [sys.executable, "-m", "chiasm", "ingest", str(manifest), "--home", str(home)]
    before = json.loads(shell(home, "jobs", "list", "--json").stdout)[0]["id"]
    process = subprocess.Popen(
        command, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        newest = json.loads(shell(home, "jobs", "list", "--json").stdout)[0]
        if newest["id"] > before and (newest["total"] or newest["state"] == "running"):
            break
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    if process.returncode == 130:
        # It may come before the command knows the job's number.
        assert (f"job {newest['id']} goes on" in err or "chiasm jobs list" in err) and out == ""
        state = json.loads(shell(home, "jobs", "show", str(newest["id"]), "--json").stdout)["state"]
        assert state in ("queued", "running", "done")


def test_a_closed_service_and_its_key(home: Path, tmp_path: Path) -> None:
    key = shell(home, "keys", "create", "reader").stdout.strip()
    process, url = start_service(home, tmp_path / "log", "--host", "0.0.0.0")
    try:
        address = url.replace("0.0.0.0", "127.0.0.1")
        assert httpx.get(f"{address}/v1", timeout=60).status_code == 401
        headers = {"Authorization": f"Bearer {key}"}
        assert httpx.get(f"{address}/v1", headers=headers, timeout=60).json()["entities"] >= 24
        assert httpx.post(f"{address}/v1/ingest", headers=headers, json={}, timeout=60).status_code == 403
    finally:
        stop(process)


def test_a_port_in_use_is_told(home: Path, tmp_path: Path) -> None:
    process, url = start_service(home, tmp_path / "log")
    try:
        taken = shell(home, "serve", "--port", url.rpartition(":")[2], status=1)
        assert "cannot listen" in taken.stderr and "--port" in taken.stderr
    finally:
        stop(process)


def test_a_pipe_that_closes_early_is_no_error(home: Path) -> None:
    command = f"{sys.executable} -m chiasm search red --json --home {home} | head -c 1"
    done = subprocess.run(
        ["bash", "-o", "pipefail", "-c", command],
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert "Traceback" not in done.stderr and os.name == "posix"
