"""`/v1/schedules`: jobs by the clock, or when enough is new, other or worse."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict

from chiasm.api.access import Admin, Reader

__all__ = ["router"]

router = APIRouter(prefix="/v1/schedules", tags=["schedules"])


class NewSchedule(BaseModel):
    """When to ask for what."""

    model_config = ConfigDict(extra="forbid")

    name: str
    #: Five fields.
    cron: str | None = None
    #: Whose clock: an IANA name.
    timezone: str = "UTC"
    #: Share of entities that are new since the last release.
    when_new: float | None = None
    #: How far their vectors are from those that were there before, 0 to 1.
    when_drift: float | None = None
    #: A figure of the release in use and what it must not fall below: `accept_rate<0.6`.
    when_metric: str | None = None
    #: While a job of an earlier run has not ended.
    if_running: Literal["skip", "queue", "replace"] = "skip"
    #: Of runs that nobody looked for in time.
    if_missed: Literal["once", "all", "skip"] = "once"
    job: Literal["train", "evaluate"] = "train"
    params: dict[str, Any] = {}


@router.get("")
def list_schedules(backend: Reader) -> dict[str, Any]:
    """All schedules by name."""
    return {"schedules": backend.schedules()}


@router.post("", status_code=201)
def add(backend: Admin, body: NewSchedule) -> dict[str, Any]:
    """A new schedule."""
    when = body.model_dump(exclude={"name", "job", "params"})
    return backend.add_schedule(body.name, when=when, job=body.job, params=body.params)


@router.get("/{name}/runs")
def runs(backend: Reader, name: str, limit: Annotated[int, Query(ge=1, le=1000)] = 50) -> dict[str, Any]:
    """What came of a schedule's runs, newest first."""
    return {"runs": backend.schedule_runs(name, limit=limit)}


@router.post("/{name}/{action}")
def change(backend: Admin, name: str, action: Literal["pause", "resume", "run"]) -> dict[str, Any]:
    """Pause or resume a schedule, or ask for its job now."""
    return backend.change_schedule(name, action)


@router.delete("/{name}")
def remove(backend: Admin, name: str) -> dict[str, Any]:
    """Forget a schedule."""
    return backend.change_schedule(name, "remove")
