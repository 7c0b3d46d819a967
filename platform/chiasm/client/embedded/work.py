"""Jobs of a workspace as JSON, and what can be done with them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chiasm.client.embedded.home import OpenHome
from chiasm.client.protocol import JsonDict

if TYPE_CHECKING:
    from chiasm.jobs import Progress

__all__ = ["list_failures", "list_jobs", "read_job", "retry_job"]

_SAME = (
    "kind",
    "state",
    "stage",
    "failures",
    "rate_per_s",
    "eta_s",
    "elapsed_s",
    "result",
    "error",
    "created_at",
    "started_at",
    "finished_at",
)


def read_job(home: OpenHome, workspace_id: int, job_id: int) -> JsonDict:
    """State, counts, rate and ETA of a job; raises NotFoundError."""
    from chiasm import jobs

    return _row(jobs.progress(home.catalog, job_id, workspace_id=workspace_id))


def list_jobs(home: OpenHome, workspace_id: int, *, limit: int, state: str | None) -> list[JsonDict]:
    """Jobs, newest first."""
    from chiasm import jobs

    rows = jobs.list_jobs(home.catalog, workspace_id, limit=limit)
    return [_row(row) for row in rows if state is None or row.state == state]


def list_failures(home: OpenHome, workspace_id: int, job_id: int, *, limit: int) -> list[JsonDict]:
    """What failed alone in a job and was not replayed, in order; raises NotFoundError."""
    from chiasm import jobs

    letters = jobs.failures(home.catalog, job_id, workspace_id=workspace_id, limit=limit)
    # Stacks name paths of the machine; they stay in the catalog and the logs.
    return [{name: value for name, value in row.to_dict().items() if name != "stack"} for row in letters]


def retry_job(home: OpenHome, workspace_id: int, job_id: int) -> int:
    """How many units were handed in again; wakes a worker for them."""
    from chiasm import jobs

    count = jobs.retry(home.catalog, job_id, workspace_id=workspace_id)
    if count:
        jobs.wake(home.settings)
    return count


def _row(now: Progress) -> JsonDict:
    counts = {"id": now.job_id, "done": now.items_done, "total": now.items_total, "units": now.units}
    return counts | {name: getattr(now, name) for name in _SAME}
