"""House-keeping of an idle lane: many small segments become one."""

from __future__ import annotations

import time

from sqlalchemy import func, select

from chiasm.catalog import Catalog
from chiasm.catalog.models import Segment
from chiasm.settings import Settings

__all__ = ["Tidier"]

#: Looked for at most so often.
_EVERY_S = 30.0
#: So many live segments of a space are worth merging; fewer are searched as fast.
_MANY = 64


class Tidier:
    """Merges the segments of crowded spaces while nothing else is to be done.

    Two workers that merge the same space do not hurt each other: the later one finds that the items point to
    the merged segment already, and moves none.
    """

    def __init__(self, settings: Settings, catalog: Catalog) -> None:
        self._settings = settings
        self._catalog = catalog
        self._next = time.monotonic() + _EVERY_S

    def idle(self) -> int:
        """Merge one crowded space if it is time to look; how many segments were merged."""
        if time.monotonic() < self._next:
            return 0
        self._next = time.monotonic() + _EVERY_S
        with self._catalog.read() as session:
            crowded = session.scalar(
                select(Segment.space_id)
                .where(Segment.state == "live")
                .group_by(Segment.space_id)
                .having(func.count() >= _MANY)
                .order_by(func.count().desc())
                .limit(1)
            )
        if crowded is None:
            return 0
        from chiasm.spaces import compact

        return compact(self._catalog, self._settings.spaces_dir, crowded)
