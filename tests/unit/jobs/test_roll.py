from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable

from sqlalchemy import update

from chiasm import jobs
from chiasm.catalog import Catalog
from chiasm.catalog.models import LiveWorker
from chiasm.jobs.owners import owner_name
from chiasm.jobs.roll import LIVE_S, list_workers, sign_off, sign_on


def _listed(catalog: Catalog, workspace_id: int) -> list[dict]:
    with catalog.read() as session:
        return list_workers(session, workspace_id)


def test_a_worker_shows_what_its_lanes_are_at(
    catalog: Catalog, workspace_id: int, ask: Callable[..., int]
) -> None:
    assert _listed(catalog, workspace_id) == []
    for _ in range(2):
        sign_on(catalog, {"ingest": os.getpid(), "train": os.getppid()}, "cpu")
    job_id = ask("note", [{"names": ["a", "b"]}], items=[2])
    [claim] = jobs.claim(catalog, ["ingest"], owner_name())
    [worker] = _listed(catalog, workspace_id)
    assert (worker["pid"], worker["device"]) == (os.getpid(), "cpu")
    unit = {"id": claim.unit_id, "kind": "note", "stage": None, "done": 0, "total": 2, "job": job_id}
    assert worker["lanes"] == [
        {"queue": "ingest", "pid": os.getpid(), "unit": unit},
        {"queue": "train", "pid": os.getppid(), "unit": None},
    ]
    # Another tenant sees that it works, not on what.
    [other] = _listed(catalog, catalog.workspace_id("other"))
    assert other["lanes"][0]["unit"] == {**unit, "id": None, "job": None}
    sign_off(catalog)
    assert _listed(catalog, workspace_id) == []


def test_one_that_is_gone_is_not_shown(catalog: Catalog, workspace_id: int) -> None:
    sign_on(catalog, {"ingest": os.getpid()}, "cpu")
    with catalog.write() as session:
        session.execute(update(LiveWorker).values(seen_at=LiveWorker.seen_at - LIVE_S - 1))
    assert _listed(catalog, workspace_id) == []
    sign_on(catalog, {"ingest": os.getpid()}, "cpu")
    assert len(_listed(catalog, workspace_id)) == 1
    # Killed a moment ago, on this machine: its last sign is fresh.
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    gone = owner_name(child.pid)
    child.kill()
    child.communicate()
    with catalog.write() as session:
        session.execute(update(LiveWorker).values(owner=gone))
    assert _listed(catalog, workspace_id) == []


def test_rows_of_lost_ones_go(catalog: Catalog, workspace_id: int) -> None:
    sign_on(catalog, {}, "cpu")
    with catalog.write() as session:
        session.execute(update(LiveWorker).values(owner="machine/1/1", seen_at=1000.0))
    sign_on(catalog, {}, "cpu")
    with catalog.read() as session:
        assert [row.owner for row in session.query(LiveWorker)] == [owner_name()]
