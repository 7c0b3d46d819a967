from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable

from sqlalchemy import select, update

from chiasm import jobs
from chiasm.catalog import Catalog
from chiasm.catalog.models import WorkUnit
from chiasm.jobs.owners import is_gone, owner_name
from chiasm.jobs.sweeping import MAX_LOSSES

Ask = Callable[..., int]


def _lose(catalog: Catalog, poison: int) -> None:
    """Work through everything as a worker that dies of one record."""
    while claims := jobs.claim(catalog, ["ingest"], "me"):
        [claim] = claims
        if poison in claim.payload["asset_ids"]:
            assert jobs.sweep(catalog, owners=["me"]) == 1
            with catalog.write() as session:
                session.execute(update(WorkUnit).values(available_at=0.0))
        else:
            with catalog.write() as session:
                jobs.finish(session, claim, {"embedded": len(claim.payload["asset_ids"])})


def test_a_record_that_kills_its_workers_ends_alone(catalog: Catalog, ask: Ask) -> None:
    job_id = ask("embed", [{"asset_ids": list(range(9)), "space_id": 7}])
    _lose(catalog, poison=4)
    progress = jobs.progress(catalog, job_id)
    assert (progress.state, progress.result) == ("done", {"embedded": 8, "failed": 1})
    assert progress.items_total == 9
    [letter] = jobs.failures(catalog, job_id)
    assert "asset_ids 4" in str(letter.where)
    assert letter.error["what"] == f"its worker was lost {MAX_LOSSES} times"
    assert jobs.retry(catalog, job_id) == 1
    [claim] = jobs.claim(catalog, ["ingest"], "you")
    assert claim.payload == {"asset_ids": [4], "space_id": 7}


def test_a_unit_that_cannot_be_halved_gets_twenty_workers(catalog: Catalog, ask: Ask) -> None:
    job_id = ask("step", [{}])
    for count in range(MAX_LOSSES):
        assert jobs.progress(catalog, job_id).state != "failed", count
        with catalog.write() as session:
            session.execute(update(WorkUnit).values(available_at=0.0))
        assert len(jobs.claim(catalog, ["ingest"], "me")) == 1
        jobs.sweep(catalog, owners=["me"])
    assert jobs.progress(catalog, job_id).state == "failed"


def test_a_unit_that_gets_on_is_not_what_its_workers_were_lost_to(catalog: Catalog, ask: Ask) -> None:
    ask("read", [{}])
    for count in range(MAX_LOSSES + 5):
        with catalog.write() as session:
            session.execute(update(WorkUnit).values(available_at=0.0))
        [claim] = jobs.claim(catalog, ["ingest"], "me")
        assert claim.cursor == ({"line": count - 1} if count else {})
        with catalog.write() as session:
            jobs.advance(session, claim, {"line": count})
        assert jobs.sweep(catalog, owners=["me"]) == 1
    with catalog.read() as session:
        assert session.scalar(select(WorkUnit.losses)) == 1


def test_a_lease_runs_out_by_the_clock_of_the_database(catalog: Catalog, ask: Ask) -> None:
    ask("step", [{}])
    [claim] = jobs.claim(catalog, ["ingest"], "elsewhere", lease_s=0.05)
    assert jobs.sweep(catalog) == 0
    time.sleep(0.1)
    assert jobs.sweep(catalog) == 1
    assert not jobs.heartbeat(catalog, claim)
    assert len(jobs.claim(catalog, ["ingest"], "me")) == 1


def test_units_of_a_cancelled_job_are_not_taken_up_again(catalog: Catalog, ask: Ask) -> None:
    job_id = ask("step", [{}])
    jobs.claim(catalog, ["ingest"], "me")
    jobs.cancel(catalog, job_id)
    jobs.sweep(catalog, owners=["me"])
    assert jobs.progress(catalog, job_id).state == "cancelled"


def test_the_end_of_a_process_of_this_machine_is_seen_at_once(catalog: Catalog, ask: Ask) -> None:
    ask("step", [{}])
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        name = owner_name(child.pid)
        jobs.claim(catalog, ["ingest"], name)
        assert not is_gone(name)
        assert jobs.sweep(catalog) == 0
        child.kill()
        child.wait()
    assert is_gone(name)
    assert jobs.sweep(catalog) == 1
    with catalog.read() as session:
        assert session.scalar(select(WorkUnit.losses)) == 1


def test_who_is_not_of_this_machine_is_never_taken_for_gone() -> None:
    assert not is_gone("other-boot:1/1/1")
    assert not is_gone("me")
    assert not is_gone(owner_name())
    machine, pid, started = owner_name().split("/")
    assert int(pid) == os.getpid()
    assert is_gone(f"{machine}/{pid}/{int(started) + 1}")
