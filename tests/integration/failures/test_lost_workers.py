"""A worker that ends by itself, hangs, or wants more memory than there is: each effect once, the poison alone.

Workers that are killed are in `tests/integration/jobs/test_workers.py`.
"""

from __future__ import annotations

from chiasm import jobs
from chiasm.catalog.models import WorkUnit

from .conftest import MakeHome, units


def test_exit_time_limit_and_memory(make_home: MakeHome) -> None:
    home = make_home(stall_s=3.0)
    left = home.ask("leave", [{"name": "left"}])
    greedy = home.ask("greedy", [{"ids": [1, 2, 3, 4], "bad": 3}], split_on="ids")
    hung = home.ask("hang", [{"ids": [5, 6], "bad": 6}], split_on="ids")
    home.start("worker", "--queues", "ingest")
    assert home.wait(left).result == {"noted": 1}
    for job_id, bad, reason, noted in ((greedy, 3, "MemoryError", 3), (hung, 6, "no progress for 3 s", 1)):
        progress = home.wait(job_id)
        assert (progress.state, progress.result) == ("done", {"noted": noted, "failed": 1})
        [letter] = jobs.failures(home.catalog, job_id)
        assert reason in letter.error["what"] and f"ids {bad}" in str(letter.where)
        assert letter.replayable
    assert sorted(home.names()) == ["1", "2", "4", "5", "left"]
    # Ended by its parent: an error of the unit, not a lost worker.
    assert {losses for (losses,) in units(home, WorkUnit.losses)[1:]} == {0}
