"""The roll of workers: each writes a sign of life, and whoever looks sees what the living ones do."""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping
from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from chiasm.catalog import Catalog, db_now
from chiasm.catalog.models import LiveWorker, WorkUnit
from chiasm.jobs.owners import is_gone, owner_name
from chiasm.version import __version__

__all__ = ["LIVE_S", "list_workers", "sign_off", "sign_on"]

#: A worker that gave no sign for so long is taken for lost.
LIVE_S = 30.0
#: Rows of lost ones go after so long.
_FORGET_S = 3600.0


def sign_on(catalog: Catalog, runners: Mapping[str, int], device: str) -> None:
    """Write that this process is there; called every few seconds.

    Args:
        catalog: Where the roll is.
        runners: Lane to the process id of its runner.
        device: What it computes on, as the setting says it.
    """
    mine = owner_name()
    with catalog.write() as session:
        now = float(session.scalar(select(db_now())) or 0.0)
        row = session.get(LiveWorker, mine)
        if row is None:
            row = LiveWorker(owner=mine, pid=os.getpid(), started_at=now, seen_at=now)
            row.host, row.version = socket.gethostname()[:512], __version__
            session.add(row)
        row.runners = {lane: owner_name(pid) for lane, pid in runners.items()}
        row.device, row.seen_at = device, now
        session.execute(delete(LiveWorker).where(LiveWorker.seen_at < now - _FORGET_S))


def sign_off(catalog: Catalog) -> None:
    """Take this process off the roll."""
    with catalog.write() as session:
        session.execute(delete(LiveWorker).where(LiveWorker.owner == owner_name()))


def list_workers(session: Session, workspace_id: int) -> list[dict[str, Any]]:
    """Workers that live, the longest running first.

    `{"host", "pid", "device", "version", "started_at", "seen_at", "lanes": [{"queue", "pid", "unit"}]}`. A lane is a
    queue, or `gpu:N`, which takes the units of `train`. A unit is `{"id", "kind", "stage", "done", "total", "job"}`, of
    other workspaces without what names their work.
    """
    now = float(session.scalar(select(db_now())) or 0.0)
    rows = session.scalars(
        select(LiveWorker).where(LiveWorker.seen_at > now - LIVE_S).order_by(LiveWorker.started_at)
    ).all()
    living = [row for row in rows if not is_gone(row.owner)]
    owners = [owner for row in living for owner in row.runners.values()]
    leased = select(WorkUnit).where(WorkUnit.state == "leased", WorkUnit.owner.in_(owners))
    units = {unit.owner: unit for unit in session.scalars(leased.order_by(WorkUnit.started_at))}
    return [
        {
            "host": row.host,
            "pid": row.pid,
            "device": row.device,
            "version": row.version,
            "started_at": row.started_at,
            "seen_at": row.seen_at,
            "lanes": [
                {"queue": lane, "pid": _pid(owner), "unit": _unit(units.get(owner), workspace_id)}
                for lane, owner in sorted(row.runners.items())
            ],
        }
        for row in living
    ]


def _pid(owner: str) -> int:
    return int(owner.split("/")[1])


def _unit(unit: WorkUnit | None, workspace_id: int) -> dict[str, Any] | None:
    if unit is None:
        return None
    mine = unit.workspace_id == workspace_id
    return {
        "id": unit.id if mine else None,
        "kind": unit.kind,
        "stage": unit.stage if mine else None,
        "done": unit.items_done,
        "total": unit.items_total,
        "job": unit.job_id if mine else None,
    }
