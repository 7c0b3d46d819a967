"""Jobs of a workspace as JSON, and what can be done with them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from chiasm.client.embedded.tenant import Tenant
from chiasm.client.protocol import JsonDict

if TYPE_CHECKING:
    from chiasm.jobs import Progress

__all__ = ["Work"]

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


class Work(Tenant):
    """The part of the backend that follows and steers jobs."""

    def job(self, job_id: int) -> JsonDict:
        """State, counts, rate and ETA of a job; raises NotFoundError."""
        from chiasm import jobs

        return _row(jobs.progress(self.home.catalog, job_id, workspace_id=self.workspace_id))

    def jobs(self, *, limit: int, state: str | None) -> list[JsonDict]:
        """Jobs, newest first."""
        from chiasm import jobs

        rows = jobs.list_jobs(self.home.catalog, self.workspace_id, limit=limit)
        return [_row(row) for row in rows if state is None or row.state == state]

    def follow(self, job_id: int) -> Iterator[JsonDict]:
        """State and progress at each change, until it has ended."""
        from chiasm import jobs

        jobs.progress(self.home.catalog, job_id, workspace_id=self.workspace_id)
        return map(_row, jobs.follow(self.home.settings, self.home.catalog, job_id))

    def failures(self, job_id: int, *, limit: int) -> list[JsonDict]:
        """What failed alone in a job and was not replayed, in order; raises NotFoundError."""
        from chiasm import jobs

        letters = jobs.failures(self.home.catalog, job_id, workspace_id=self.workspace_id, limit=limit)
        # Stacks name paths of the machine; they stay in the catalog and the logs.
        return [{name: value for name, value in row.to_dict().items() if name != "stack"} for row in letters]

    def cancel(self, job_id: int) -> None:
        """Ask a job to stop."""
        from chiasm import jobs

        jobs.cancel(self.home.catalog, job_id, workspace_id=self.workspace_id)

    def pause(self, job_id: int) -> None:
        """Have a job wait; one that has ended stays as it is."""
        from chiasm import jobs

        jobs.pause(self.home.catalog, job_id, workspace_id=self.workspace_id)

    def resume(self, job_id: int) -> None:
        """Let a paused job go on."""
        from chiasm import jobs

        if jobs.resume(self.home.catalog, job_id, workspace_id=self.workspace_id):
            jobs.wake(self.home.settings)

    def retry(self, job_id: int) -> int:
        """How many units were handed in again; wakes a worker for them."""
        from chiasm import jobs

        count = jobs.retry(self.home.catalog, job_id, workspace_id=self.workspace_id)
        if count:
            jobs.wake(self.home.settings)
        return count

    def nudge(self) -> bool:
        """See to it that an embedded home has a worker; whether one had to be started."""
        from chiasm import jobs

        return jobs.ensure_worker(self.home.settings)


def _row(now: Progress) -> JsonDict:
    counts = {"id": now.job_id, "done": now.items_done, "total": now.items_total, "units": now.units}
    return counts | {name: getattr(now, name) for name in _SAME}
