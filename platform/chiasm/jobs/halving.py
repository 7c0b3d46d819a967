"""Halving a unit of several records, so that the one that is the reason ends alone."""

from __future__ import annotations

from sqlalchemy import insert
from sqlalchemy.orm import Session

from chiasm.catalog.models import WorkUnit

__all__ = ["halve", "place_of", "size_of"]

_SAME = {
    "job_id",
    "workspace_id",
    "kind",
    "queue",
    "priority",
    "split_on",
    "attempts",
    "losses",
    "error",
    "stack",
    "state",
}


def size_of(unit: WorkUnit) -> int:
    """How many records of a unit may be parted; 0 if it may not be halved."""
    parts = unit.payload.get(unit.split_on) if unit.split_on else None
    return len(parts) if isinstance(parts, list) else 0


def halve(session: Session, unit: WorkUnit) -> None:
    """Replace the unit by two ready ones of half its records each; the first half stays in its row.

    Both inherit the counts of losses and attempts: the next one halves again at once, so a record that is the
    reason is soon cornered.
    """
    key = str(unit.split_on)
    parts = unit.payload[key]
    middle = len(parts) // 2
    unit.state = "ready"
    second = {
        column.name: getattr(unit, column.name)
        for column in WorkUnit.__table__.columns
        if column.name in _SAME
    }
    second |= {
        "payload": {**unit.payload, key: parts[middle:]},
        "items_total": len(parts) - middle,
        "cursor": {},
        "result": {},
    }
    unit.payload = {**unit.payload, key: parts[:middle]}
    unit.items_total = middle
    unit.items_done = 0
    session.flush()
    session.execute(insert(WorkUnit), [second])


def place_of(unit: WorkUnit) -> str:
    """Which unit it is, and of one with a single record which record."""
    if unit.split_on and size_of(unit) == 1:
        return f"{unit.kind} unit {unit.id}, {unit.split_on} {unit.payload[unit.split_on][0]}"
    return f"{unit.kind} unit {unit.id}"
