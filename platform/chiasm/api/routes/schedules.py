"""`/v1/schedules`: jobs by the clock or when enough is new."""

from __future__ import annotations

from typing import Any, Literal

from fastapi import APIRouter
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
    job: Literal["train", "evaluate"] = "train"
    params: dict[str, Any] = {}


@router.get("")
def list_schedules(backend: Reader) -> dict[str, Any]:
    """All schedules by name."""
    return {"schedules": backend.schedules()}


@router.post("", status_code=201)
def add(backend: Admin, body: NewSchedule) -> dict[str, Any]:
    """A new schedule."""
    return backend.add_schedule(
        body.name,
        cron=body.cron,
        timezone=body.timezone,
        when_new=body.when_new,
        job=body.job,
        params=body.params,
    )


@router.post("/{name}/{action}")
def change(backend: Admin, name: str, action: Literal["pause", "resume", "run"]) -> dict[str, Any]:
    """Pause or resume a schedule, or ask for its job now."""
    return backend.change_schedule(name, action)


@router.delete("/{name}")
def remove(backend: Admin, name: str) -> dict[str, Any]:
    """Forget a schedule."""
    return backend.change_schedule(name, "remove")
