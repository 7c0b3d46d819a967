"""What schedules may wait for beside the clock: enough that is new, texts and pictures of another sort, a worse figure.

All are measured from the last release that was made: what came after it is new, and what was judged after it is the
figure. So each fires once, until there is another release; after one that failed, again when an hour has passed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import case, func, select
from sqlalchemy.orm import Session

from chiasm.catalog import Catalog
from chiasm.catalog.models import Entity, Job, Release, Schedule, ScheduleRun
from chiasm.errors import UsageError
from chiasm.jobs.drift import measure_drift
from chiasm.jobs.live_metrics import parse_bound, read_metric
from chiasm.settings import Settings

__all__ = [
    "CONDITIONS",
    "Measured",
    "check_conditions",
    "conditions_of",
    "last_release",
    "look_again_s",
    "measure",
    "share_of_new",
    "waits_for",
]

#: In the order of what they cost.
CONDITIONS = ("when_new", "when_metric", "when_drift")
#: Conditions without a clock are looked at so often; where vectors are compared among them, all of them seldom.
_LOOK_S = 5.0
_LOOK_AT_VECTORS_S = 300.0
_AFTER_FAILURE_S = 3600.0
_UNFINISHED = ("building", "failed")


@dataclass(frozen=True)
class Measured:
    """What the conditions of a schedule measured."""

    #: Why none of them holds; None: one does.
    unmet: str | None
    #: By condition: `{"value", "bound", ...}`.
    values: dict[str, Any]


def check_conditions(given: Mapping[str, Any]) -> None:
    """Return if these conditions can be measured.

    Raises:
        UsageError: A share or distance is none, or a figure is unknown.
    """
    for name, what in (("when_new", "share"), ("when_drift", "distance")):
        bound = given.get(name)
        if bound is not None and not 0 < bound <= 1:
            option = "--" + name.replace("_", "-")
            raise UsageError(f"{bound} is no {what}", where=option, remedy="use 0.05 for five per cent")
    if given.get("when_metric") is not None:
        parse_bound(given["when_metric"])


def conditions_of(schedule: Schedule) -> dict[str, Any]:
    """The conditions of a schedule by name; one that holds is enough."""
    return {name: schedule.trigger[name] for name in CONDITIONS if schedule.trigger.get(name) is not None}


def look_again_s(schedule: Schedule) -> float:
    """After how many seconds its conditions are to be looked at again."""
    return _LOOK_AT_VECTORS_S if "when_drift" in conditions_of(schedule) else _LOOK_S


def waits_for(session: Session, schedule: Schedule, now: float) -> float | None:
    """The due time of a schedule without a clock, if its conditions are to be measured now.

    The due time is the last release's, so that it fires once until there is another release. It waits for
    running ingests (their entities count as well) and for a training that runs anyway.
    """
    if _busy(session, schedule.workspace_id):
        return None
    newest = session.execute(
        select(Release.created_at, Release.state)
        .where(Release.workspace_id == schedule.workspace_id)
        .order_by(Release.created_at.desc())
        .limit(1)
    ).one_or_none()
    due_at = float(newest.created_at) if newest else 0.0
    if newest and newest.state in _UNFINISHED and now < due_at + _AFTER_FAILURE_S:
        return None
    return None if session.get(ScheduleRun, (schedule.id, due_at)) is not None else due_at


def measure(settings: Settings, catalog: Catalog, schedule: Schedule) -> Measured:
    """What the conditions of a schedule measure, until one holds."""
    values: dict[str, Any] = {}
    unmet = []
    for name, bound in conditions_of(schedule).items():
        values[name], holds = _MEASURES[name](settings, catalog, schedule, bound)
        if holds:
            return Measured(None, values)
        unmet.append(f"{name.removeprefix('when_')}: {_said(values[name])}")
    return Measured("; ".join(unmet), values)


def last_release(session: Session, workspace_id: int) -> float:
    """When the last release that can answer was asked for; 0 before the first."""
    made = select(func.max(Release.created_at)).where(
        Release.workspace_id == workspace_id, Release.state.not_in(_UNFINISHED)
    )
    return float(session.scalar(made) or 0.0)


def share_of_new(session: Session, workspace_id: int, since: float) -> float:
    """Share of a workspace's entities (no stubs) that were made or changed after `since`; 0 without any."""
    alive = (Entity.workspace_id == workspace_id, Entity.is_stub.is_(False), Entity.deleted_at.is_(None))
    changed = func.sum(case((Entity.updated_at > since, 1), else_=0))
    total, new = session.execute(select(func.count(), changed).where(*alive)).one()
    return int(new or 0) / total if total else 0.0


def _news(
    settings: Settings, catalog: Catalog, schedule: Schedule, bound: float
) -> tuple[dict[str, Any], bool]:
    with catalog.read() as session:
        since = last_release(session, schedule.workspace_id)
        share = share_of_new(session, schedule.workspace_id, since)
    return {"value": round(share, 6), "bound": bound}, share >= bound


def _metric(
    settings: Settings, catalog: Catalog, schedule: Schedule, asked: str
) -> tuple[dict[str, Any], bool]:
    name, bound = parse_bound(asked)
    with catalog.read() as session:
        value = read_metric(
            session, schedule.workspace_id, name, last_release(session, schedule.workspace_id)
        )
    shown = {"metric": name, "value": value if value is None else round(value, 6), "bound": bound}
    return shown, value is not None and value < bound


def _drift(
    settings: Settings, catalog: Catalog, schedule: Schedule, bound: float
) -> tuple[dict[str, Any], bool]:
    with catalog.read() as session:
        since = last_release(session, schedule.workspace_id)
    found = measure_drift(settings, catalog, schedule.workspace_id, since)
    if found is None:
        return {"value": None, "bound": bound}, False
    return {**found.to_dict(), "bound": bound}, found.is_seen and found.distance >= bound


_MEASURES: Mapping[str, Callable[[Settings, Catalog, Schedule, Any], tuple[dict[str, Any], bool]]] = {
    "when_new": _news,
    "when_metric": _metric,
    "when_drift": _drift,
}


def _said(values: Mapping[str, Any]) -> str:
    value = values["value"]
    return "nothing to measure yet" if value is None else f"{value:.4g} against {values['bound']:.4g}"


def _busy(session: Session, workspace_id: int) -> bool:
    running = (Job.state.in_(("queued", "running"))) & Job.kind.in_(("ingest", "train"))
    return (
        session.scalar(select(Job.id).where(Job.workspace_id == workspace_id, running).limit(1)) is not None
    )
