"""The heartbeat of a unit that is being worked on, from a thread of its own."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from chiasm.catalog import Catalog
from chiasm.errors import ChiasmError
from chiasm.jobs.claims import Claim, pulse
from chiasm.jobs.errors import Cancelled, Interrupted, StaleClaim

__all__ = ["Heart"]

_log = logging.getLogger(__name__)
#: Progress and the cancel flag should not wait for a third of a long lease.
_MAX_INTERVAL_S = 2.0


class Heart:
    """Beats for one claim while its handler computes; use as a context manager.

    Args:
        catalog: Where the unit is.
        claim: The unit.
        stopping: Whether the worker is being stopped.
    """

    def __init__(self, catalog: Catalog, claim: Claim, stopping: Callable[[], bool]) -> None:
        self._catalog = catalog
        self._claim = claim
        self._stopping = stopping
        self._progress: dict[str, int | str | None] = {}
        self._state = "held"
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"heart-{claim.unit_id}", daemon=True)

    def __enter__(self) -> Heart:
        self._thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._end.set()
        self._thread.join()

    def note(self, done: int | None, total: int | None, stage: str | None) -> None:
        """Remember progress for the next beat."""
        self._progress = {"done": done, "total": total, "stage": stage}

    @property
    def must_stop(self) -> bool:
        """Whether going on is useless."""
        return self._state != "held" or self._stopping()

    def check(self) -> None:
        """Return if work should go on.

        Raises:
            StaleClaim: The lease was lost.
            Cancelled: The job was cancelled.
            Interrupted: The worker is being stopped.
        """
        if self._state == "lost":
            raise StaleClaim("the lease was lost", where=f"unit {self._claim.unit_id}")
        if self._state == "cancelled":
            raise Cancelled("the job was cancelled", where=f"job {self._claim.job_id}")
        if self._stopping():
            raise Interrupted("the worker is being stopped", where=f"unit {self._claim.unit_id}")

    def _run(self) -> None:
        interval_s = min(_MAX_INTERVAL_S, self._claim.lease_s / 3)
        while not self._end.wait(interval_s) and self._state == "held":
            try:
                self._state = pulse(self._catalog, self._claim, **self._progress)  # type: ignore[arg-type]
            except ChiasmError as error:
                # The catalog is away for a moment; the fencing token guards what comes of it.
                _log.warning("heartbeat failed", extra={"unit": self._claim.unit_id, "error": str(error)})
