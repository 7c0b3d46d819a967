"""A service and its worker as processes, with the toys ingested."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

import chiasm
from chiasm.client import KnowledgeBase

ROOT = Path(__file__).resolve().parents[3]
SOURCE_ROOTS = ("platform", "graph", "encoders", "workers", "migrations")
_START_S = 120.0


def environment() -> dict[str, str]:
    paths = [str(ROOT / name) for name in SOURCE_ROOTS]
    kept = {name: value for name, value in os.environ.items() if not name.startswith("CHIASM_")}
    return {**kept, "PYTHONPATH": os.pathsep.join(paths), "OMP_NUM_THREADS": "1"}


def start_service(home: Path, log: Path, *arguments: str) -> tuple[subprocess.Popen[bytes], str]:
    """The process and the address that it says it listens at."""
    command = [sys.executable, "-m", "chiasm", "--home", str(home), "serve", "--port", "0", *arguments]
    with log.open("wb") as stream:
        process = subprocess.Popen(command, env=environment(), stdout=stream, stderr=stream)
    deadline = time.monotonic() + _START_S
    while time.monotonic() < deadline and process.poll() is None:
        found = re.search(r"listening on (http://\S+)", log.read_text(errors="replace"))
        if found:
            return process, found.group(1)
        time.sleep(0.1)
    process.kill()
    process.wait()
    raise AssertionError(f"the service did not start: {log.read_text(errors='replace')}")


def stop(process: subprocess.Popen[bytes]) -> None:
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(timeout=30)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        raise


@pytest.fixture(scope="session")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, str]]:
    """Home and address."""
    folder = tmp_path_factory.mktemp("service")
    with chiasm.open(folder / "home"):
        pass
    process, url = start_service(folder / "home", folder / "serve.log")
    yield folder / "home", url
    stop(process)


@pytest.fixture(scope="session")
def remote(service: tuple[Path, str], toys: Path) -> Iterator[KnowledgeBase]:
    """The toys, sent over HTTP with their media."""
    with chiasm.connect(service[1]) as kb:
        job = kb.ingest(toys).wait(280)
        assert job.progress.failures == 0, job.failures
        yield kb


@pytest.fixture(scope="session")
def embedded(service: tuple[Path, str], remote: KnowledgeBase) -> Iterator[KnowledgeBase]:
    """The same home, opened in this process."""
    with chiasm.open(service[0]) as kb:
        yield kb
