"""How many cores a runner's computations take, and who goes first."""

from __future__ import annotations

import contextlib
import os
import sys
import time
from pathlib import Path

from sqlalchemy import select

from chiasm.catalog import Catalog
from chiasm.catalog.models import WorkUnit
from chiasm.cores import usable_cores

__all__ = ["ThreadShare", "give_way"]

_LOOK_S = 2.0
_GROUP = Path("/proc/self/autogroup")


def give_way(nice: int) -> None:
    """Let processes of the usual priority go first: whoever searches waits, and work does not.

    A runner leads a session of its own. Where Linux shares the cores between sessions first (`sched_autogroup_enabled`),
    niceness says nothing beyond the session, so that the session is told, too.

    Args:
        nice: At least so nice from now on, 0 to 19; who is nicer already stays so.
    """
    more = nice - os.nice(0)
    if more <= 0:
        return
    os.nice(more)
    # No such file: cores are shared between processes, or this is not Linux.
    with contextlib.suppress(OSError):
        _GROUP.write_text(str(nice))


class ThreadShare:
    """All cores while the other lane is idle, half of them while it works.

    Only the ingest lane gives way: a training run keeps its number of threads from beginning to end, because
    sums split differently are not bit-equal. Nothing is done where `OMP_NUM_THREADS` was set by hand.
    """

    def __init__(self, catalog: Catalog, lane: str) -> None:
        self._catalog = catalog
        self._lane = lane
        self._cores = usable_cores()
        self._looked = 0.0
        self._gives_way = lane != "train" and "OMP_NUM_THREADS" not in os.environ and self._cores > 1

    def adjust(self) -> None:
        """Set torch's threads for the calling thread, at most every two seconds."""
        torch = sys.modules.get("torch")
        if torch is None or not self._gives_way or time.monotonic() - self._looked < _LOOK_S:
            return
        self._looked = time.monotonic()
        wanted = max(1, self._cores // 2) if self._others_work() else self._cores
        if torch.get_num_threads() != wanted:
            torch.set_num_threads(wanted)

    def _others_work(self) -> bool:
        busy = (WorkUnit.state == "leased") & (WorkUnit.queue != self._lane)
        with self._catalog.read() as session:
            return session.scalar(select(WorkUnit.id).where(busy).limit(1)) is not None
