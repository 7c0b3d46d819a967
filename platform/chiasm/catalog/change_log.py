"""Reading the log of changes: what derived copies of the catalog follow it by (ADR 11)."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import ColumnElement, bindparam, func, select
from sqlalchemy.orm import Session

from chiasm.catalog.models import Change, table_of

__all__ = ["CHANGES_KEPT", "changed_rows", "followable", "id_conditions", "log_marks", "seen_since"]

Ints = NDArray[np.int64]
#: So many of the newest entries are kept at least.
CHANGES_KEPT = 200_000
#: Entries this near to the newest are read again where several write at once: a number may be seen before a smaller
#: one. On SQLite writers take turns.
_OVERLAP = 1000
#: Ids of one condition.
_CHUNK = 500

_LOG = table_of(Change).c
_EPOCH = select(_LOG.row_id).where(_LOG.workspace_id == 0, _LOG.kind == "epoch").limit(1)
_MARKS = select(_EPOCH.scalar_subquery(), select(func.max(_LOG.id)).scalar_subquery())
_SINCE = select(_LOG.kind, _LOG.row_id).where(
    _LOG.workspace_id == bindparam("workspace_id"), _LOG.id > bindparam("last")
)


def log_marks(session: Session) -> tuple[int, int]:
    """The database's epoch (0: unknown), and the newest entry of its log of changes."""
    epoch, newest = session.execute(_MARKS).one()
    return epoch or 0, newest or 0


def followable(marks: tuple[int, int], epoch: int, last_change: int) -> bool:
    """Whether a copy that was made then can be followed to these marks: it is of this database, and not too old."""
    return marks[0] == epoch and marks[1] - CHANGES_KEPT <= last_change <= marks[1]


def seen_since(session: Session, workspace_id: int, last_change: int) -> ColumnElement[bool]:
    """Entries of a workspace that a copy made at that entry may not have seen."""
    return (Change.workspace_id == workspace_id) & (Change.id > last_change - _overlap(session))


def changed_rows(session: Session, workspace_id: int, last_change: int) -> dict[str, Ints]:
    """By kind (entity, asset, triple) the ids of what changed or went since, ascending, ``(n,)``."""
    found: dict[str, set[int]] = {"entity": set(), "asset": set(), "triple": set()}
    since = {"workspace_id": workspace_id, "last": last_change - _overlap(session)}
    for kind, row_id in session.execute(_SINCE, since):
        found[kind].add(row_id)
    return {kind: np.array(sorted(ids), dtype=np.int64) for kind, ids in found.items()}


def id_conditions(column: Any, ids: Ints) -> list[Any]:
    """Conditions that together name some ids."""
    values = ids.tolist()
    return [column.in_(values[start : start + _CHUNK]) for start in range(0, len(values), _CHUNK)]


def _overlap(session: Session) -> int:
    return 0 if session.get_bind().dialect.name == "sqlite" else _OVERLAP
