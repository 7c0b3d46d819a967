"""`kill -9` of the worker in the middle of ingest and of training: both finish, nothing lost or doubled."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select
from tests.conftest import COLOURS, QUICK, SHAPES, record, write_catalogue

import chiasm
from chiasm.catalog import Catalog
from chiasm.catalog.models import Asset, Embedding, Entity, Space
from chiasm.settings import load_settings

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


def start_worker(home: Path) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "chiasm_workers", "worker", "--home", str(home)],
        env={**os.environ, "CHIASM_LEASE_S": "3"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def kill_when(worker: subprocess.Popen[bytes], job: Any, ready: Any, within_s: float = 120) -> None:
    until = time.monotonic() + within_s
    while not ready(job):
        assert time.monotonic() < until, f"never got that far: {job.progress}"
        time.sleep(0.02)
    worker.send_signal(signal.SIGKILL)
    worker.wait()


def test_killed_in_ingest_and_in_training(tmp_path: Path) -> None:
    records = []
    for number in range(40):
        for shape in SHAPES:
            for colour in COLOURS:
                item = record(shape, colour)
                item["key"] += f"-{number}"
                item["text"] = [f"{colour} {shape} number {number}"]
                item["image"] = item["audio"] = []
                records.append(item)
    first = write_catalogue(tmp_path / "data", records)
    home = tmp_path / "home"
    with chiasm.open(home) as kb:
        worker = start_worker(home)
        time.sleep(1)
        job = kb.ingest(first)
        catalog = Catalog.open(load_settings(home))

        def embedded(_: Any) -> bool:
            with catalog.read() as session:
                return bool(session.scalar(select(func.count()).select_from(Embedding)))

        kill_when(worker, job, embedded)
        assert job.progress.state in {"queued", "running"}
        worker = start_worker(home)
        job.wait(timeout_s=120)
        assert job.progress.state == "done"
        with catalog.read() as session:
            named = session.scalar(select(func.count()).select_from(Entity).where(Entity.is_stub.is_(False)))
            texts = session.scalar(select(func.count()).select_from(Asset))
            rows = session.scalar(select(func.count()).select_from(Embedding))
            spaces = session.scalar(select(func.count()).select_from(Space))
        assert named == len(records)
        assert spaces == 1
        assert rows == texts

        job = kb.train(overrides={**QUICK, "training.epochs": "4"})
        kill_when(worker, job, lambda j: j.progress.stage not in (None, "", "embedding text"))
        worker = start_worker(home)
        try:
            job.wait(timeout_s=300)
            assert job.result["state"] == "active", job.result
        finally:
            worker.terminate()
            worker.wait(timeout=30)
        with catalog.read() as session:
            fused = session.scalar(select(Space.id).where(Space.kind == "fused"))
            held = session.scalar(
                select(func.count()).select_from(Embedding).where(Embedding.space_id == fused)
            )
            everything = session.scalar(select(func.count()).select_from(Entity))
        assert held == everything
        hits = kb.search("red circle number 7", k=5)
        assert hits.release == "r1"
        assert hits[0].key == "toy:red-circle-7"
