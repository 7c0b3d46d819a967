"""What can be done with a schedule, by the name of the action."""

from __future__ import annotations

from chiasm.client.embedded.home import OpenHome
from chiasm.client.protocol import JsonDict
from chiasm.errors import UsageError

__all__ = ["change_schedule"]


def change_schedule(home: OpenHome, workspace_id: int, name: str, action: str) -> JsonDict:
    """The schedule after it was paused, resumed or removed; after `run` with its job's id as `job_id`.

    Raises:
        NotFoundError: There is no such schedule.
        UsageError: The action is unknown.
    """
    from chiasm.jobs import schedules

    if action == "pause":
        return schedules.pause(home.catalog, workspace_id, name).to_dict()
    if action == "resume":
        return schedules.resume(home.catalog, workspace_id, name).to_dict()
    if action == "remove":
        schedules.remove(home.catalog, workspace_id, name)
        return {"name": name, "removed": True}
    if action == "run":
        return {"name": name, "job_id": schedules.run(home.settings, home.catalog, workspace_id, name)}
    raise UsageError(f"unknown action {action!r}", remedy="use pause, resume, remove or run")
