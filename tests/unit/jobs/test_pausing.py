from __future__ import annotations

from collections.abc import Callable

import pytest

from chiasm import jobs
from chiasm.catalog import Catalog
from chiasm.errors import NotFoundError, UnavailableError

Ask = Callable[..., int]


def _claim(catalog: Catalog) -> list[jobs.Claim]:
    return jobs.claim(catalog, ["ingest"], "me")


def _state(catalog: Catalog, job_id: int) -> tuple[str, dict[str, int]]:
    now = jobs.progress(catalog, job_id)
    return now.state, now.units


def test_what_runs_is_finished_and_nothing_more_is_begun(catalog: Catalog, ask: Ask) -> None:
    job_id = ask("step", [{}, {}, {}])
    [running] = _claim(catalog)
    assert jobs.pause(catalog, job_id)
    assert jobs.pause(catalog, job_id)
    assert _state(catalog, job_id) == ("paused", {"leased": 1, "paused": 2})
    assert jobs.progress(catalog, job_id).eta_s is None
    assert _claim(catalog) == []
    assert jobs.heartbeat(catalog, running)
    with catalog.write() as session:
        jobs.add_units(session, job_id, "step", [{}])
        jobs.finish(session, running)
    assert _state(catalog, job_id) == ("paused", {"done": 1, "paused": 3})
    assert jobs.resume(catalog, job_id)
    assert not jobs.resume(catalog, job_id)
    assert _state(catalog, job_id) == ("running", {"done": 1, "ready": 3})
    while claims := _claim(catalog):
        with catalog.write() as session:
            jobs.finish(session, claims[0])
    assert _state(catalog, job_id) == ("done", {"done": 4})
    assert not jobs.pause(catalog, job_id)
    assert _state(catalog, job_id) == ("done", {"done": 4})


@pytest.mark.parametrize(
    ("end", "kind", "payload"),
    [
        pytest.param(lambda c, claim: jobs.release(c, claim), "step", {}, id="released"),
        pytest.param(lambda c, claim: jobs.fail(c, claim, RuntimeError("hm")), "step", {}, id="failed"),
        pytest.param(
            lambda c, claim: jobs.postpone(c, claim, UnavailableError("away")), "step", {}, id="put off"
        ),
        pytest.param(lambda c, claim: jobs.sweep(c, owners=["me"]), "step", {}, id="lost"),
        pytest.param(
            lambda c, claim: jobs.fail(c, claim, MemoryError()), "embed", {"asset_ids": [1, 2]}, id="halved"
        ),
    ],
)
def test_a_unit_that_goes_back_to_the_queue_is_paused_too(
    catalog: Catalog, ask: Ask, end: Callable[..., object], kind: str, payload: dict[str, object]
) -> None:
    job_id = ask(kind, [payload])
    [claim] = _claim(catalog)
    jobs.pause(catalog, job_id)
    assert end(catalog, claim)
    state, units = _state(catalog, job_id)
    assert state == "paused" and set(units) == {"paused"}
    jobs.resume(catalog, job_id)
    assert set(_state(catalog, job_id)[1]) == {"ready"}


def test_one_that_was_not_begun_goes_on_queued_and_one_that_waits_may_be_cancelled(
    catalog: Catalog, ask: Ask
) -> None:
    job_id = ask("step", [{}])
    jobs.pause(catalog, job_id)
    jobs.resume(catalog, job_id)
    assert _state(catalog, job_id) == ("queued", {"ready": 1})
    jobs.pause(catalog, job_id)
    assert jobs.cancel(catalog, job_id)
    assert _state(catalog, job_id) == ("cancelled", {"cancelled": 1})
    assert not jobs.resume(catalog, job_id)


def test_others_go_on_meanwhile_and_reading_is_not_held_up(catalog: Catalog, ask: Ask) -> None:
    first, second = ask("read", [{"n": 1}]), ask("read", [{"n": 2}])
    jobs.pause(catalog, first)
    [claim] = _claim(catalog)
    assert claim.job_id == second


def test_of_another_workspace_there_is_no_such_job(catalog: Catalog, ask: Ask) -> None:
    job_id = ask("step", [{}])
    other = catalog.workspace_id("other")
    for act in (jobs.pause, jobs.resume):
        with pytest.raises(NotFoundError):
            act(catalog, job_id, workspace_id=other)
    assert _state(catalog, job_id) == ("queued", {"ready": 1})
