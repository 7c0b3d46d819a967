"""Several units judge one release at the same time, as on a machine with GPUs."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from sqlalchemy import select

from chiasm.catalog.models import Job
from chiasm.releases import submit_evaluate

from .conftest import Home, thing


def test_evaluations_of_one_release_wait_for_each_other(made: Home) -> None:
    made.ingest(*(thing(n) for n in range(120)))
    made.train()
    # The snapshot that is judged on has to be written anew.
    made.ingest(*(thing(n) for n in range(120, 140)))
    asked = [submit_evaluate(made.settings, made.catalog, made.workspace_id) for _ in range(4)]
    with ThreadPoolExecutor(4) as pool:
        done = list(pool.map(lambda _: made.work(["train"]), range(4)))
    assert sum(one["evaluate"] for one in done) == 4
    with made.catalog.read() as session:
        results = list(session.scalars(select(Job.result).where(Job.id.in_(asked))))
    assert all(result["snapshot"] == results[0]["snapshot"] for result in results)
    assert all(result == results[0] for result in results)
