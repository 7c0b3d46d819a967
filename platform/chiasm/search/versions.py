"""What the catalog holds now, as numbers that change with it: one cheap look a query."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import bindparam, select

from chiasm.catalog import Catalog
from chiasm.catalog.models import Space, Workspace
from chiasm.search.stages import count

__all__ = ["VERSION", "Version", "Versions", "as_version"]

#: Of a workspace: (revision, active release, space, its generation) a space; empty where there is no such workspace.
Version = tuple[tuple[int | None, ...], ...]

VERSION = (
    select(Workspace.revision, Workspace.active_release_id, Space.id, Space.generation)
    .join_from(Workspace, Space, Space.workspace_id == Workspace.id, isouter=True)
    .where(Workspace.id == bindparam("workspace_id"))
    .order_by(Space.id)
)


class Versions:
    """The present version of each workspace; safe to share between threads.

    Args:
        catalog: Asked only where something was committed since the last look, as far as that can be known.
    """

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        #: Workspace -> the mark that was read before the version, and the version.
        self._known: dict[int, tuple[int, Version]] = {}

    def of(self, workspace_id: int) -> Version:
        """The version that every commit before the call has a part in."""
        mark = self._catalog.changes.mark()
        known = self._known.get(workspace_id)
        if mark is not None and known is not None and known[0] == mark:
            count("version_hit")
            return known[1]
        count("version_miss")
        with self._catalog.engine.connect() as connection:
            found = as_version(connection.execute(VERSION, {"workspace_id": workspace_id}).all())
        if mark is not None:
            self._known[workspace_id] = (mark, found)
        return found


def as_version(rows: Iterable[Iterable[int | None]]) -> Version:
    """Rows of the statement as something to compare."""
    return tuple(tuple(row) for row in rows)
