from __future__ import annotations

from collections.abc import Callable

import pytest
from sqlalchemy import select, update

from chiasm import jobs
from chiasm.catalog import Catalog
from chiasm.catalog.models import Domain, WorkUnit
from chiasm.errors import DamagedError, ManifestError, NotFoundError, UnavailableError
from chiasm.jobs import Claim, StaleClaim
from chiasm.jobs.results import merged

Ask = Callable[..., int]


def _next(catalog: Catalog) -> Claim:
    """The next claim, pauses after errors skipped."""
    with catalog.write() as session:
        session.execute(update(WorkUnit).values(available_at=0.0))
    [claim] = jobs.claim(catalog, ["ingest", "train"], "me")
    return claim


def test_an_effect_with_a_stale_token_is_not_committed(catalog: Catalog, ask: Ask, workspace_id: int) -> None:
    job_id = ask("step", [{}])
    old = _next(catalog)
    jobs.sweep(catalog, owners=["me"])
    new = _next(catalog)
    with pytest.raises(StaleClaim), catalog.write() as session:
        session.add(Domain(workspace_id=workspace_id, name="twice"))
        jobs.finish(session, old)
    assert not jobs.fail(catalog, old, RuntimeError("late"))
    with catalog.write() as session:
        session.add(Domain(workspace_id=workspace_id, name="once"))
        jobs.finish(session, new)
    with catalog.read() as session:
        assert session.scalars(select(Domain.name)).all() == ["once"]
    assert jobs.progress(catalog, job_id).state == "done"


def test_a_unit_may_add_units_in_the_transaction_that_finishes_it(catalog: Catalog, ask: Ask) -> None:
    job_id = ask("step", [{}])
    claim = _next(catalog)
    with catalog.write() as session:
        jobs.finish(session, claim, {"entities": 2})
        jobs.add_units(session, claim.job_id, "embed", [{"asset_ids": [1, 2]}])
    assert jobs.progress(catalog, job_id).state == "running"
    claim = _next(catalog)
    with catalog.write() as session:
        jobs.finish(session, claim, {"embedded": 2})
    progress = jobs.progress(catalog, job_id)
    assert (progress.state, progress.result) == ("done", {"entities": 2, "embedded": 2})
    assert (progress.units_done, progress.units_total, progress.items_done) == (2, 2, 2)
    assert progress.ended and progress.to_dict()["units"] == {"done": 2}


@pytest.mark.parametrize(
    ("error", "attempts"),
    [(RuntimeError("odd"), 3), (ManifestError("bad", where="m:1"), 1), (NotFoundError("gone"), 1)],
)
def test_attempts(catalog: Catalog, ask: Ask, error: Exception, attempts: int) -> None:
    job_id = ask("step", [{}])
    for _ in range(attempts):
        assert jobs.progress(catalog, job_id).state != "failed"
        assert jobs.fail(catalog, _next(catalog), error)
    progress = jobs.progress(catalog, job_id)
    assert (progress.state, progress.failures, progress.result) == ("failed", 1, {"failed": 1})
    [letter] = jobs.failures(catalog, job_id)
    assert letter.replayable and letter.stack and letter.to_dict()["unit_id"]


def test_a_pause_before_the_next_attempt(catalog: Catalog, ask: Ask) -> None:
    ask("step", [{}])
    jobs.fail(catalog, _next(catalog), RuntimeError("odd"))
    assert jobs.claim(catalog, ["ingest"], "me") == []


def test_partial_failure_is_done_and_retry_replays_what_failed(catalog: Catalog, ask: Ask) -> None:
    job_id = ask("step", [{"n": 1}, {"n": 2}])
    claim = _next(catalog)
    replay = {"kind": "step", "payload": {"records": [{"key": "b"}]}}
    with catalog.write() as session:
        error = ManifestError("no key", where="m.jsonl:2")
        jobs.record_failure(session, claim, error, key="b", replay=replay)
        jobs.record_failure(session, claim, {"error": "input", "what": "only told"}, where="m.jsonl:3")
        jobs.finish(session, claim, {"entities": 5})
    jobs.fail(catalog, _next(catalog), ManifestError("broken"))
    progress = jobs.progress(catalog, job_id)
    assert (progress.state, progress.result) == ("done", {"entities": 5, "failed": 3})
    assert jobs.retry(catalog, job_id) == 2
    assert jobs.progress(catalog, job_id).state == "running"
    assert [letter.where for letter in jobs.failures(catalog, job_id)] == ["m.jsonl:3"]
    assert len(jobs.failures(catalog, job_id, replayed=True)) == 3
    for expected in ({"n": 2}, {"records": [{"key": "b"}]}):
        claim = _next(catalog)
        assert claim.payload == expected
        with catalog.write() as session:
            jobs.finish(session, claim, {"entities": 1})
    assert jobs.progress(catalog, job_id).result == {"entities": 7, "failed": 1}
    assert jobs.retry(catalog, job_id) == 0


@pytest.mark.parametrize(("kinds", "state"), [(("embed", "embed"), "done"), (("train", "build"), "failed")])
def test_a_dead_essential_unit_fails_the_job(
    catalog: Catalog, workspace_id: int, kinds: tuple[str, str], state: str
) -> None:
    with catalog.write() as session:
        job = jobs.create_job(session, workspace_id, "train", {})
        for kind in kinds:
            jobs.add_units(session, job, kind, [{}])
    claim = _next(catalog)
    with catalog.write() as session:
        jobs.finish(session, claim, {"release": "r1"})
    jobs.fail(catalog, _next(catalog), NotFoundError("gone"))
    assert jobs.progress(catalog, job.id).state == state


def test_failures_that_took_everything_fail_the_job(catalog: Catalog, ask: Ask) -> None:
    job_id = ask("step", [{}])
    claim = _next(catalog)
    with catalog.write() as session:
        jobs.record_failure(session, claim, ManifestError("no key", where="m.jsonl:1"))
        jobs.finish(session, claim, {"records": 1, "entities": 0, "failed": 1})
    progress = jobs.progress(catalog, job_id)
    assert (progress.state, progress.error) == ("failed", "m.jsonl:1: no key")


def test_cancel_drops_what_was_not_begun_and_retry_takes_it_up(catalog: Catalog, ask: Ask) -> None:
    job_id = ask("step", [{}, {}])
    claim = _next(catalog)
    assert jobs.cancel(catalog, job_id)
    with catalog.write() as session:
        # An effect that is complete is kept; what it would lead to is not begun.
        jobs.add_units(session, job_id, "embed", [{}])
        jobs.finish(session, claim)
    progress = jobs.progress(catalog, job_id)
    assert (progress.state, progress.units) == ("cancelled", {"done": 1, "cancelled": 2})
    assert jobs.retry(catalog, job_id) == 2
    assert jobs.progress(catalog, job_id).units == {"done": 1, "ready": 2}


def test_a_job_of_another_workspace_does_not_exist(catalog: Catalog, ask: Ask) -> None:
    job_id, other = ask("step", [{}]), catalog.workspace_id("other")
    for call in (jobs.progress, jobs.cancel, jobs.retry, jobs.failures):
        with pytest.raises(NotFoundError):
            call(catalog, job_id, workspace_id=other)  # type: ignore[operator]
    assert jobs.list_jobs(catalog, other) == []
    assert [one.job_id for one in jobs.list_jobs(catalog, catalog.workspace_id("default"))] == [job_id]


def test_results_add_up() -> None:
    known = {"a": 1, "deep": {"x": 1}, "name": "old", "flag": True}
    assert merged(known, {"a": 2, "deep": {"x": 2, "y": 1}, "name": "new", "flag": True}) == {
        "a": 3,
        "deep": {"x": 3, "y": 1},
        "name": "new",
        "flag": True,
    }


def test_a_batch_that_fails_is_halved_until_one_record_is_left(catalog: Catalog, ask: Ask) -> None:
    job_id = ask("embed", [{"asset_ids": list(range(8))}])
    tried = 0
    while jobs.progress(catalog, job_id).state != "done":
        claim = _next(catalog)
        tried += 1
        if 5 in claim.payload["asset_ids"]:
            jobs.fail(catalog, claim, RuntimeError("it is the fifth"))
            continue
        with catalog.write() as session:
            jobs.finish(session, claim, {"embedded": len(claim.payload["asset_ids"])})
    [letter] = jobs.failures(catalog, job_id)
    assert str(letter.where).endswith("asset_ids 5") and letter.replayable
    assert jobs.progress(catalog, job_id).result == {"embedded": 7, "failed": 1}
    # Three attempts as a whole, then one each for two halves at three levels.
    assert tried == 3 + 2 * 3


@pytest.mark.parametrize("error", [ManifestError("no"), NotFoundError("gone"), DamagedError("cut")])
def test_what_concerns_the_whole_is_not_halved(catalog: Catalog, ask: Ask, error: Exception) -> None:
    job_id = ask("embed", [{"asset_ids": [1, 2]}])
    while jobs.progress(catalog, job_id).state != "failed":
        jobs.fail(catalog, _next(catalog), error)
    assert jobs.progress(catalog, job_id).units == {"failed": 1}


def test_what_is_away_is_waited_for_and_said(catalog: Catalog, ask: Ask) -> None:
    job_id = ask("step", [{}])
    for _ in range(5):
        assert jobs.postpone(catalog, _next(catalog), UnavailableError("no room", remedy="make room"))
    now = jobs.progress(catalog, job_id)
    assert (now.state, now.units, now.stage) == (
        "running",
        {"ready": 1},
        "trying again after: no room (make room)",
    )
    assert jobs.claim(catalog, ["ingest"], "me") == []
    stale = _next(catalog)
    with catalog.write() as session:
        jobs.finish(session, stale)
    assert not jobs.postpone(catalog, stale, UnavailableError("no room"))
    assert jobs.progress(catalog, job_id).state == "done"
