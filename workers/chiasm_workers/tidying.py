"""House-keeping of an idle lane: rows sealed, segments merged, files collected, large workspaces kept for searchers."""

from __future__ import annotations

import time

from sqlalchemy import func, select

from chiasm.catalog import Catalog
from chiasm.catalog.models import Release, Segment, Workspace
from chiasm.catalog.seals import seal_rows
from chiasm.settings import Settings
from chiasm_workers.mirroring import Mirroring

__all__ = ["Tidier"]

#: Looked for at most so often.
_EVERY_S = 30.0
#: Rows without a seal are nothing but an index probe: often enough that a worker about to end has done them.
_SEAL_EVERY_S = 2.0
#: So many live segments of a space are worth merging; fewer are searched as fast.
_MANY = 64


class Tidier:
    """Keeps the house while nothing else is to be done.

    One worker of a machine at a time merges a space. One on another machine does no harm: who comes later finds
    that the segments were replaced already, and gives its own up.
    """

    def __init__(self, settings: Settings, catalog: Catalog) -> None:
        self._settings = settings
        self._catalog = catalog
        self._mirroring = Mirroring(settings, catalog)
        self._next = time.monotonic() + _EVERY_S
        self._seal_next = time.monotonic() + _SEAL_EVERY_S
        #: Workspace to its revision when it was last looked at, and when it was last kept.
        self._revisions: dict[int, int] = {}
        self._kept: dict[int, int] = {}

    def idle(self) -> int:
        """Do a piece of what it is time for; how much was done (0: nothing left for now)."""
        now = time.monotonic()
        if now >= self._seal_next:
            if sealed := seal_rows(self._catalog, limit=1000):
                # Work that came meanwhile goes first; the rest follows at once.
                return sealed
            self._seal_next = now + _SEAL_EVERY_S
            if late := self._follow():
                return late
        if now < self._next:
            return self._mirroring.idle()
        self._next = now + _EVERY_S
        # In this order: what is merged now keeps its files until the next look, for readers just opening them.
        return self._collect() + self._merge() or self._keep_replicas()

    def _follow(self) -> int:
        """Have releases that a rollback may go back to brought up to date; how many are behind."""
        with self._catalog.read() as session:
            # Where there is but one release, nothing more is imported.
            if session.scalar(select(Release.id).where(Release.state == "retired").limit(1)) is None:
                return 0
        from chiasm.releases.follow import follow_kept
        from chiasm.releases.remake import remake_kept

        return follow_kept(self._settings, self._catalog) + remake_kept(self._settings, self._catalog)

    def _keep_replicas(self) -> int:
        """Keep copies of large workspaces for processes that will search them, once all is quiet; how many."""
        from chiasm.catalog.graph import keep_graph
        from chiasm.search.kept import keep_replica, trim_changes

        with self._catalog.read() as session:
            workspaces = session.execute(select(Workspace.id, Workspace.revision)).all()
        trim_changes(self._catalog)
        kept = 0
        for workspace_id, revision in workspaces:
            # A workspace that changes all the time is kept when it rests.
            rests = self._revisions.get(workspace_id) == revision
            self._revisions[workspace_id] = revision
            if rests and self._kept.get(workspace_id) != revision:
                self._kept[workspace_id] = revision
                home, origins = self._settings.home, self._settings.graph_origins
                kept += keep_replica(self._catalog, home, workspace_id, origins)
                kept += keep_graph(self._catalog, home, workspace_id)
        return kept

    def _merge(self) -> int:
        """Merge one crowded space; how many segments."""
        with self._catalog.read() as session:
            # Segments are opened, and FAISS imported, only where there is more than one.
            several = select(Segment.space_id).where(Segment.state != "intent").group_by(Segment.space_id)
            if session.scalar(several.having(func.count() > 1).limit(1)) is None:
                return 0
        from chiasm.spaces import compact, crowded

        return sum(
            compact(
                self._catalog,
                self._settings.spaces_dir,
                space_id,
                min_segments=_MANY,
                recall=self._settings.recall_target,
            )
            for space_id in crowded(self._catalog, _MANY)[:1]
        )

    def _collect(self) -> int:
        """Delete the files of retired segments and abandoned intents; how many segments."""
        with self._catalog.read() as session:
            # Not only when some are retired: an abandoned intent is noticed here too.
            unread = select(Segment.id).where(Segment.state != "live").limit(1)
            if session.scalar(unread) is None:
                return 0
        from chiasm.spaces import collect

        return collect(self._catalog, self._settings.spaces_dir)
