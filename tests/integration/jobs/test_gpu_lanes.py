"""A worker with GPUs: a process each, which sees that GPU alone. The driver is one that only counts."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from chiasm import jobs
from chiasm.catalog.models import WorkUnit
from chiasm.jobs.roll import list_workers
from chiasm_workers.gpus import gpu_environments

Home = Any
_DRIVER = "class cuda:\n    device_count = is_available = staticmethod(lambda: {})\n"


@pytest.fixture
def driver(tmp_path: Path, paths: None, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A torch that finds two GPUs, before the real one in the path."""
    module = tmp_path / "driver" / "torch"
    module.mkdir(parents=True)
    (module / "__init__.py").write_text(_DRIVER.format(2))
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(module.parent), os.environ["PYTHONPATH"]]))
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    return module


def _lanes(home: Home) -> dict[str, int]:
    with home.catalog.read() as session:
        found = list_workers(session, home.workspace_id)
    return {lane["queue"]: lane["pid"] for one in found for lane in one["lanes"]}


def _environment(pid: int) -> dict[str, str]:
    pairs = Path(f"/proc/{pid}/environ").read_bytes().decode().split("\0")
    return dict(pair.split("=", 1) for pair in pairs if "=" in pair)


def test_each_gpu_has_a_process_that_trains(home: Home, driver: Path) -> None:
    home.start("worker", "--queues", "gpu")
    lanes = home.until(lambda: found if len(found := _lanes(home)) == 2 else None)
    assert set(lanes) == {"gpu:0", "gpu:1"}
    for number, pid in enumerate(lanes[f"gpu:{number}"] for number in range(2)):
        environment = _environment(pid)
        assert environment["CUDA_VISIBLE_DEVICES"] == str(number)
        assert environment["CHIASM_DEVICE"] == "cuda"
    # Both take units of `train` at the same time.
    job_id = home.ask("slow", [{"name": f"s{n}", "steps": 40} for n in range(2)], queue="train")
    jobs.notify(home.settings, "train")
    running = select(WorkUnit.owner).where(WorkUnit.state == "leased")

    def owners() -> set[str]:
        with home.catalog.read() as session:
            return set(session.scalars(running))

    busy = home.until(lambda: found if len(found := owners()) == 2 else None)
    assert {int(owner.split("/")[1]) for owner in busy} == set(lanes.values())
    home.wait(job_id)
    # One that is lost is replaced on its own GPU.
    os.kill(lanes["gpu:1"], signal.SIGKILL)
    again = home.until(
        lambda: found if (found := _lanes(home)).get("gpu:1", 0) not in (0, lanes["gpu:1"]) else None
    )
    assert _environment(again["gpu:1"])["CUDA_VISIBLE_DEVICES"] == "1"
    assert again["gpu:0"] == lanes["gpu:0"]


@pytest.mark.parametrize(
    ("queues", "count", "told"),
    [
        ("gpu", 0, "no GPU is found"),
        ("gpu,train", 2, "train and gpu take the same work"),
        ("ingest,tarin", 2, "no lane is called tarin"),
        (",", 2, "a worker needs a lane"),
    ],
)
@pytest.mark.parametrize("command", ["worker", "up"])
def test_what_cannot_be_served_is_said_at_once(
    home: Home, driver: Path, command: str, queues: str, count: int, told: str
) -> None:
    (driver / "__init__.py").write_text(_DRIVER.format(count))
    line = [sys.executable, "-m", "chiasm_workers", command, "--queues", queues]
    ended = subprocess.run(
        line, env=jobs.settings_environment(home.settings), capture_output=True, text=True, timeout=60
    )
    assert ended.returncode == 2
    assert told in ended.stderr
    assert "Traceback" not in ended.stderr


def test_a_choice_of_gpus_is_kept(driver: Path) -> None:
    chosen = gpu_environments({**os.environ, "CUDA_VISIBLE_DEVICES": "3, GPU-7a"})
    assert [one["CUDA_VISIBLE_DEVICES"] for one in chosen] == ["3", "GPU-7a"]
    # Two processes with all cores each would wait for one another.
    cores = len(os.sched_getaffinity(0))
    assert {one["OMP_NUM_THREADS"] for one in chosen} == {str(max(1, cores // 2))}
    assert not any(
        "OMP_NUM_THREADS" in one for one in gpu_environments({**os.environ, "OMP_NUM_THREADS": "7"})
    )


def test_without_torch_there_are_none(driver: Path) -> None:
    (driver / "__init__.py").write_text("raise ImportError('no driver')")
    assert gpu_environments(dict(os.environ)) == []
