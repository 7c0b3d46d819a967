"""A job as its submitter sees it."""

from __future__ import annotations

import threading
import time

import pytest

from chiasm import jobs
from chiasm.client import KnowledgeBase, WaitTimeout
from chiasm.client.embedded import OpenHome
from chiasm.errors import JobFailed, ManifestError, NotFoundError


@pytest.fixture(autouse=True)
def _no_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    """Units are claimed by the tests themselves."""
    monkeypatch.setattr(jobs, "ensure_worker", lambda settings: False)
    monkeypatch.setattr(jobs, "wake", lambda settings, *queues: None)


def submit(home: OpenHome) -> int:
    with home.catalog.write() as session:
        job = jobs.create_job(session, home.catalog.workspace_id("default"), "ingest", {})
        jobs.add_units(session, job, "embed", [{"asset_ids": [1, 2]}, {"asset_ids": [3]}])
        return job.id


def finish_one(home: OpenHome) -> None:
    [claim] = jobs.claim(home.catalog, ["ingest"], "test")
    with home.catalog.write() as session:
        jobs.finish(session, claim, {"embedded": 1})


def test_progress_and_wait(home: OpenHome, kb: KnowledgeBase) -> None:
    job = kb.job(submit(home))
    assert job.progress.state == "queued" and job.progress.total == 3
    seen: list[str] = []
    worker = threading.Thread(target=lambda: (time.sleep(0.2), finish_one(home), finish_one(home)))
    worker.start()
    assert job.wait(30, watch=lambda now: seen.append(now.state)) is job
    worker.join()
    assert job.result == {"embedded": 2} and seen[0] == "queued" and seen[-1] == "done"
    assert "done" in repr(job) and job.failures == []


def test_a_timeout_leaves_the_job_alone(home: OpenHome, kb: KnowledgeBase) -> None:
    job = kb.job(submit(home))
    with pytest.raises(TimeoutError) as caught:
        job.wait(0.1)
    assert isinstance(caught.value, WaitTimeout) and "jobs show" in str(caught.value)
    assert job.progress.state == "queued"


def test_failures_fail_the_wait_and_can_be_retried(home: OpenHome, kb: KnowledgeBase) -> None:
    job = kb.job(submit(home))
    for _ in range(2):
        [claim] = jobs.claim(home.catalog, ["ingest"], "test")
        with home.catalog.write() as session:
            error = ManifestError("unknown field 'colour'", where="x.jsonl:3", remedy="known are ...")
            jobs.record_failure(
                session, claim, error, where="x.jsonl:3", key="a", replay={"kind": "embed", "payload": {}}
            )
            jobs.finish(session, claim, {"embedded": 0})
    with pytest.raises(JobFailed, match="colour"):
        job.wait(5)
    assert [str(row) for row in job.failures] == ["x.jsonl:3 a: unknown field 'colour'"] * 2
    assert job.retry() == 2 and job.progress.state in ("queued", "running")


def test_cancel(home: OpenHome, kb: KnowledgeBase) -> None:
    job = kb.job(submit(home)).cancel()
    with pytest.raises(JobFailed, match="cancelled"):
        job.wait(5)


def test_unknown_job(kb: KnowledgeBase) -> None:
    with pytest.raises(NotFoundError):
        kb.job(99)


def test_a_worker_that_does_not_stay_up_is_told(
    home: OpenHome, kb: KnowledgeBase, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jobs, "ensure_worker", lambda settings: True)
    monkeypatch.setattr("chiasm.client.job._NUDGE_EVERY_S", 0.0)
    monkeypatch.setattr("chiasm.client.job._LAST_POLL_S", 0.01)
    with pytest.raises(ConnectionError, match=r"worker\.log"):
        kb.job(submit(home)).wait(30)
