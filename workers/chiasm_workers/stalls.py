"""Units that make no progress: their runner hangs, and only another process can end it."""

from __future__ import annotations

import logging

from sqlalchemy import select

from chiasm.catalog import Catalog
from chiasm.catalog.models import WorkUnit
from chiasm.jobs import Claim, TimeLimitError, fail, owner_name
from chiasm.jobs.claims import CLAIM_COLUMNS
from chiasm.settings import Settings
from chiasm_workers.lanes import Lanes

__all__ = ["Stalls"]

_log = logging.getLogger(__name__)
_LOOK_S = 5.0


class Stalls:
    """Watches what the runners of this worker do.

    A heart beats as long as its process lives; whether the handler gets anywhere shows in its progress only.
    """

    def __init__(self, settings: Settings, catalog: Catalog, lanes: Lanes) -> None:
        self._limit_s = settings.stall_s
        self._catalog = catalog
        self._lanes = lanes
        self._looked = 0.0
        #: Of each claim its progress, and since when it has been that.
        self._known: dict[tuple[int, int], tuple[object, float]] = {}

    def end_stalled(self, now: float) -> None:
        """Record an error of each unit that stood still for too long, and end its runner.

        Args:
            now: Monotonic seconds.
        """
        if self._limit_s <= 0 or now - self._looked < min(_LOOK_S, self._limit_s / 4):
            return
        self._looked = now
        lanes = {owner_name(pid): queue for queue, pid in self._lanes.runners().items()}
        for claim, owner in self._overdue(lanes, now):
            error = TimeLimitError(
                f"no progress for {self._limit_s:g} s",
                remedy="raise CHIASM_STALL_S if it needs the time, then `chiasm jobs retry`",
            )
            # Recorded first: from then on whatever the runner still does is refused.
            if fail(self._catalog, claim, error, stack=str(error)):
                _log.warning("unit %s: %s; its runner is ended", claim.unit_id, error)
                self._lanes.kill(lanes[owner])

    def _overdue(self, lanes: dict[str, str], now: float) -> list[tuple[Claim, str]]:
        statement = select(
            WorkUnit.owner, WorkUnit.items_done, WorkUnit.items_total, WorkUnit.stage, *CLAIM_COLUMNS
        )
        with self._catalog.read() as session:
            rows = session.execute(
                statement.where(WorkUnit.state == "leased", WorkUnit.owner.in_(lanes))
            ).all()
        known: dict[tuple[int, int], tuple[object, float]] = {}
        overdue: list[tuple[Claim, str]] = []
        for owner, done, total, stage, *columns in rows:
            claim = Claim(*columns)
            progress = (done, total, stage, claim.cursor)
            mark, since = self._known.get((claim.unit_id, claim.token), (None, now))
            since = since if mark == progress else now
            known[claim.unit_id, claim.token] = (progress, since)
            if now - since > self._limit_s:
                overdue.append((claim, str(owner)))
        self._known = known
        return overdue
