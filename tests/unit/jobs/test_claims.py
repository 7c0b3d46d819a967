from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import select

from chiasm import jobs
from chiasm.catalog import Catalog
from chiasm.catalog.models import WorkUnit
from chiasm.errors import NotFoundError
from chiasm.jobs import Cancelled, StaleClaim

Ask = Callable[..., int]


def test_a_claim_is_leased_counted_and_fenced(catalog: Catalog, ask: Ask) -> None:
    ask("embed", [{"asset_ids": [1, 2]}])
    [claim] = jobs.claim(catalog, ["ingest"], "me", lease_s=5.0)
    assert (claim.kind, claim.payload, claim.token, claim.cursor) == ("embed", {"asset_ids": [1, 2]}, 1, {})
    assert jobs.claim(catalog, ["ingest"], "you") == []
    with catalog.read() as session:
        unit = session.get_one(WorkUnit, claim.unit_id)
    assert (unit.state, unit.owner, unit.claims, unit.items_total) == ("leased", "me", 1, 2)
    assert 3.0 < (unit.lease_until or 0) - time.time() < 6.0


def test_only_the_asked_lanes_are_claimed(catalog: Catalog, ask: Ask) -> None:
    ask("train", [{}])
    assert jobs.claim(catalog, ["ingest"], "me") == []
    assert len(jobs.claim(catalog, ["ingest", "train"], "me")) == 1


def test_urgent_units_first_then_the_workspace_served_longest_ago(catalog: Catalog, ask: Ask) -> None:
    large, small = catalog.workspace_id("large"), catalog.workspace_id("small")
    ask("step", [{"n": n} for n in range(6)], tenant=large)
    ask("step", [{"n": n} for n in range(2)], tenant=small)
    ask("step", [{"n": "urgent"}], tenant=large, priority=1)
    order = []
    for _ in range(6):
        [claim] = jobs.claim(catalog, ["ingest"], "me")
        order.append("urgent" if claim.payload["n"] == "urgent" else claim.workspace_id)
        time.sleep(0.003)
    assert order[0] == "urgent"
    assert order[1:5] == [small, large, small, large]
    assert order[5] == large


def test_what_is_read_is_read_in_order_one_at_a_time_in_a_workspace(catalog: Catalog, ask: Ask) -> None:
    mine, other = catalog.workspace_id("mine"), catalog.workspace_id("other")
    ask("read", [{"n": 1}, {"n": 2}], tenant=mine)
    ask("read", [{"n": 3}], tenant=other)
    ask("embed", [{"asset_ids": [1]}], tenant=mine)
    claims = jobs.claim(catalog, ["ingest"], "me", limit=9)
    assert [(one.kind, one.payload.get("n")) for one in claims] == [("read", 1), ("embed", None), ("read", 3)]
    # Lost and given back: it is still the first in line.
    assert jobs.release(catalog, claims[0])
    [again] = jobs.claim(catalog, ["ingest"], "me", limit=9)
    assert again.payload == {"n": 1}
    ask("read", [{"n": 4}], tenant=mine, priority=1)
    [urgent] = jobs.claim(catalog, ["ingest"], "me", limit=9)
    assert urgent.payload == {"n": 4}
    with catalog.write() as session:
        jobs.finish(session, again)
    [last] = jobs.claim(catalog, ["ingest"], "me", limit=9)
    assert last.payload == {"n": 2}


def test_two_hands_share_a_lane(catalog: Catalog, ask: Ask) -> None:
    ask("read", [{}, {}])
    ask("embed", [{"asset_ids": [1]}])
    assert [one.kind for one in jobs.claim(catalog, ["ingest"], "a", 9, in_order=False)] == ["embed"]
    assert [one.kind for one in jobs.claim(catalog, ["ingest"], "b", 9, in_order=True)] == ["read"]
    assert jobs.claim(catalog, ["ingest"], "a", in_order=False) == []
    assert jobs.claim(catalog, ["ingest"], "b", in_order=True) == []


def test_a_domain_is_emptied_between_what_was_accepted_before_and_after(catalog: Catalog, ask: Ask) -> None:
    ask("read", [{"n": "before"}])
    ask("clear", [{"n": "clear"}])
    ask("read", [{"n": "after"}])
    order = []
    while claims := jobs.claim(catalog, ["ingest"], "me", limit=9):
        [only] = claims
        order.append(only.payload["n"])
        with catalog.write() as session:
            jobs.finish(session, only)
    assert order == ["before", "clear", "after"]


def test_many_claimers_never_share_a_unit(catalog: Catalog, ask: Ask) -> None:
    ask("step", [{"n": n} for n in range(40)])

    def take(name: int) -> list[int]:
        mine = []
        while claims := jobs.claim(catalog, ["ingest"], str(name), limit=3):
            mine += [one.unit_id for one in claims]
        return mine

    with ThreadPoolExecutor(4) as pool:
        taken = [unit for part in pool.map(take, range(4)) for unit in part]
    assert len(taken) == len(set(taken)) == 40


def test_a_heartbeat_extends_and_sees_loss_and_cancel(catalog: Catalog, ask: Ask) -> None:
    job_id = ask("step", [{}, {}])
    first, second = jobs.claim(catalog, ["ingest"], "me", limit=2)
    assert jobs.heartbeat(catalog, first)
    assert jobs.release(catalog, first)
    assert not jobs.heartbeat(catalog, first)
    assert not jobs.release(catalog, first)
    assert jobs.cancel(catalog, job_id)
    assert not jobs.heartbeat(catalog, second)
    assert jobs.abandon(catalog, second)
    assert jobs.progress(catalog, job_id).state == "cancelled"
    assert not jobs.cancel(catalog, job_id)


def test_a_cursor_survives_the_loss_of_its_worker(catalog: Catalog, ask: Ask) -> None:
    job_id = ask("step", [{}])
    [old] = jobs.claim(catalog, ["ingest"], "me")
    with catalog.write() as session:
        jobs.advance(session, old, {"line": 500}, done=500, total=900, result={"entities": 500})
    assert jobs.progress(catalog, job_id).items_done == 500
    assert jobs.sweep(catalog, owners=["me"]) == 1
    with pytest.raises(StaleClaim), catalog.write() as session:
        jobs.advance(session, old, {"line": 600})
    [new] = jobs.claim(catalog, ["ingest"], "you")
    assert (new.cursor, new.token > old.token) == ({"line": 500}, True)
    with catalog.write() as session:
        jobs.advance(session, new, {"line": 900}, done=900, result={"entities": 400})
    with catalog.write() as session:
        jobs.finish(session, new, {"entities": 0, "stubs": 3})
    assert jobs.progress(catalog, job_id).result == {"entities": 900, "stubs": 3}


def test_advance_sees_a_cancel(catalog: Catalog, ask: Ask) -> None:
    job_id = ask("step", [{}])
    [claim] = jobs.claim(catalog, ["ingest"], "me")
    jobs.cancel(catalog, job_id)
    with pytest.raises(Cancelled), catalog.write() as session:
        jobs.advance(session, claim, {"line": 1})
    with catalog.read() as session:
        assert session.scalar(select(WorkUnit.cursor)) == {}


def test_units_of_equal_key_are_made_once(catalog: Catalog, workspace_id: int) -> None:
    with catalog.write() as session:
        job = jobs.create_job(session, workspace_id, "ingest", {"a": 1}, "key")
        assert jobs.add_units(session, job, "step", [{}, {}, {}], dedup_keys=["a", "b", "a"]) == 2
        assert jobs.add_units(session, job.id, "step", [{}, {}], dedup_keys=["b", "c"]) == 1
    with catalog.write() as session:
        assert jobs.create_job(session, workspace_id, "ingest", {}, "key").id == job.id
        found = jobs.find_job(session, workspace_id, "key")
        assert found is not None and found.id == job.id
        assert jobs.find_job(session, workspace_id, None) is None
        with pytest.raises(NotFoundError):
            jobs.add_units(session, 999, "step", [{}])
