"""Homes with real worker processes."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from chiasm import jobs
from chiasm.catalog import Catalog
from chiasm.catalog.models import Domain
from chiasm.settings import Settings, load_settings
from chiasm_migrations.upgrade import upgrade_schema

_ROOT = Path(__file__).resolve().parents[3]
_SOURCES = [_ROOT / name for name in ("platform", "graph", "encoders", "workers", "migrations")]
_PLUGIN = Path(__file__).parent / "plugin"


class Home:
    """A home, its catalog, and the processes started for it."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        settings.home.mkdir(parents=True, exist_ok=True)
        self.catalog = Catalog.open(settings)
        upgrade_schema(self.catalog.engine)
        self.workspace_id = self.catalog.workspace_id("default")
        self.processes: list[subprocess.Popen[bytes]] = []
        # Beside the home: it is read when the home's own disk is full.
        self.log = settings.home.with_name(settings.home.name + ".log")

    def start(self, *arguments: str, module: str = "chiasm_workers") -> subprocess.Popen[bytes]:
        with self.log.open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", module, *arguments],
                env=jobs.settings_environment(self.settings),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        self.processes.append(process)
        return process

    def ask(self, kind: str, payloads: list[dict[str, Any]], **options: Any) -> int:
        with self.catalog.write() as session:
            job = jobs.create_job(session, self.workspace_id, "ingest", {})
            jobs.add_units(session, job, kind, payloads, **options)
            return job.id

    def wait(self, job_id: int, timeout_s: float = 90.0) -> jobs.Progress:
        try:
            return jobs.wait(self.settings, self.catalog, job_id, poll_s=0.02, timeout_s=timeout_s)
        except Exception:
            sys.stderr.write(self.log.read_text() if self.log.exists() else "no log")
            raise

    def until(self, condition: Callable[[], Any], timeout_s: float = 60.0) -> Any:
        end = time.monotonic() + timeout_s
        while time.monotonic() < end:
            if value := condition():
                return value
            time.sleep(0.02)
        sys.stderr.write(self.log.read_text() if self.log.exists() else "no log")
        raise AssertionError("it did not happen in time")

    def names(self) -> list[str]:
        with self.catalog.read() as session:
            return list(session.scalars(select(Domain.name).order_by(Domain.id)))

    def noted(self) -> int:
        with self.catalog.read() as session:
            return session.scalar(select(func.count()).select_from(Domain)) or 0

    def runners(self, worker: int) -> list[int]:
        """Process ids of a worker's runners."""
        children = [child for task in Path(f"/proc/{worker}/task").iterdir() for child in _children(task)]
        return [pid for pid in children if b"runner" in Path(f"/proc/{pid}/cmdline").read_bytes()]

    def close(self) -> None:
        # Killed, not asked: runners die with their workers, and what ends cleanly has tests of its own.
        for process in self.processes:
            process.kill()
            process.wait()
        self.until(lambda: not self.alive(end=True))
        jobs.ensure_worker(self.settings.model_copy(update={"broker_url": "memory://"}))  # reaps its children
        self.catalog.close()

    def alive(self, *, end: bool = False) -> list[str]:
        """Command lines of the processes that serve this home."""
        mark = f"CHIASM_HOME={self.settings.home.resolve()}".encode()
        found = []
        for folder in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                if mark not in (folder / "environ").read_bytes():
                    continue
                found.append((folder / "cmdline").read_bytes().replace(b"\0", b" ").decode())
                if end:
                    os.kill(int(folder.name), signal.SIGKILL)
        return found


def _children(task: Path) -> list[int]:
    return [int(pid) for pid in (task / "children").read_text().split()]


@pytest.fixture
def paths(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(str(path) for path in [*_SOURCES, _PLUGIN]))


@pytest.fixture
def make_home(tmp_path: Path, paths: None, place: dict[str, str]) -> Iterator[Callable[..., Home]]:
    made: list[Home] = []

    def make(**settings: Any) -> Home:
        usual = {"lease_s": 2.0, "idle_s": 1.0, "log_level": "INFO"}
        made.append(Home(load_settings(tmp_path / f"home-{len(made)}", **{**usual, **place, **settings})))
        return made[-1]

    yield make
    for one in made:
        one.close()


@pytest.fixture
def home(make_home: Callable[..., Home]) -> Home:
    return make_home()
