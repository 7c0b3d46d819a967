"""The present state of each workspace, and of releases beside the active one, followed as they change."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable
from typing import Any
from weakref import ref

from sqlalchemy import bindparam, func, select
from sqlalchemy.orm import Session

from chiasm.catalog import Catalog
from chiasm.catalog.commits import CommitWatch, Mark
from chiasm.catalog.models import Release, ReleaseTrial, Space, Workspace
from chiasm.errors import NotFoundError
from chiasm.models import default_encoders
from chiasm.search.column import Column
from chiasm.search.following import follow
from chiasm.search.kept import open_replica
from chiasm.search.loading import load_replica
from chiasm.search.replica import Replica
from chiasm.search.space_info import first_spaces, spaces_of
from chiasm.search.stages import count
from chiasm.search.state import LATE_FUSION, State, Trial, Version
from chiasm.settings import Settings
from chiasm.spaces import SpaceReader, open_source

__all__ = ["StateCache"]

#: A replica that takes longer to load than this (processor time: a busy machine is no large catalogue) is
#: not loaded again before as much time has passed.
_QUICK_S = 0.25
#: A query waits so long for another one that follows the catalog already, to see what was done before it.
_PATIENCE_S = 0.5

_OPEN = ReleaseTrial.workspace_id == Workspace.id, ReleaseTrial.state == "open"
_TRIAL = select(func.max(ReleaseTrial.id)).where(*_OPEN).correlate(Workspace).scalar_subquery()
_VERSION = (
    select(Workspace.revision, Workspace.active_release_id, Space.id, Space.generation, _TRIAL)
    .join_from(Workspace, Space, Space.workspace_id == Workspace.id, isouter=True)
    .where(Workspace.id == bindparam("workspace_id"))
    .order_by(Space.id)
)


class StateCache:
    """The present state of each workspace, followed by one look into SQL a query, or by less where nothing is written.

    Args:
        settings: Where the spaces lie; which encoders answer before the first release.
        catalog: The truth.
    """

    def __init__(self, settings: Settings, catalog: Catalog) -> None:
        self._settings = settings
        self._catalog = catalog
        self._lock = threading.Lock()
        #: By workspace, and release where it is not the active one.
        self._states: dict[tuple[int, int | None], State] = {}
        self._readers: dict[int, SpaceReader] = {}
        self._watch = CommitWatch(catalog)
        #: Of each thread: workspace to the mark under which its state was right, and that state.
        self._local = threading.local()
        self._source = open_source(settings, catalog)
        #: Workspace -> earliest time (monotonic) of the next load of its replica.
        self._not_before: dict[int, float] = {}

    def current(self, workspace_id: int, release_id: int | None = None) -> State:
        """The state to answer from.

        Args:
            workspace_id: Tenant.
            release_id: Of another release than the active one.

        Raises:
            NotFoundError: There is no such workspace.
            DamagedError: A segment of a space is damaged.
        """
        mark = self._watch.mark()
        which = workspace_id, release_id
        if mark is None:
            return self._current(which)
        quiet: dict[Any, tuple[Mark, ref[State]]] = self._local.__dict__.setdefault("quiet", {})
        seen, kept = quiet.get(which, (None, None))
        state = kept() if kept is not None and seen == mark else None
        count("state_miss" if state is None else "state_hit")
        if state is None:
            state = self._current(which)
            if state.version:
                # The mark was taken first: nothing was committed between it and what the state was made from.
                quiet[which] = (mark, ref(state))
        return state

    def drop(self, workspace_id: int, keep: int | None) -> None:
        """Let go of the states of releases that nobody asks beside the active one any more, but for one of them."""
        with self._lock:
            for which in [
                one for one in self._states if one[0] == workspace_id and one[1] not in (None, keep)
            ]:
                del self._states[which]

    def _current(self, which: tuple[int, int | None]) -> State:
        workspace_id = which[0]
        with self._catalog.engine.connect() as connection:
            found = connection.execute(_VERSION, {"workspace_id": workspace_id}).all()
        if not found:
            raise NotFoundError(f"there is no workspace {workspace_id}", where="workspace")
        version = _as_version(found)
        state = self._states.get(which)
        if state is not None and state.version == version:
            return state
        # While one thread follows a large catalogue, others go on with what they have; the first has to wait.
        if not self._lock.acquire(timeout=-1 if state is None else _PATIENCE_S):
            assert state is not None
            return state
        try:
            state = self._states.get(which)
            if state is None or state.version != version:
                state = self._build(which, state)
                self._states[which] = state
            return state
        finally:
            self._lock.release()

    def _build(self, which: tuple[int, int | None], old: State | None) -> State:
        workspace_id, asked = which
        kin = [state for (owner, _), state in self._states.items() if owner == workspace_id]
        # What several releases have in common is held once: the replica, and columns of spaces that they share.
        old = max(kin, key=lambda state: state.replica.revision, default=old)
        with self._catalog.read() as session:
            rows = session.execute(_VERSION, {"workspace_id": workspace_id}).all()
            version = _as_version(rows)
            release_id = rows[0][1] if asked is None else asked
            release = session.get(Release, release_id) if release_id is not None else None
            spaces = (
                spaces_of(session, release)
                if release
                else first_spaces(session, workspace_id, default_encoders(self._settings))
            )
            replica, complete = self._replica(session, workspace_id, int(rows[0][0]), old)
            trial = _trial(session, rows[0][4], rows[0][1]) if asked is None else None
        # By identity: equal ones would be compared vector by vector.
        known = {(id(c.view), id(c.replica)): c for state in kin for c in state.columns.values()}
        columns = {}
        generations = {space_id: generation for _, _, space_id, generation, _ in rows}
        for kind, info in spaces.items():
            view = self._reader(info.space_id, generations.get(info.space_id)).view
            columns[kind] = known.get((id(view), id(replica))) or Column(view, replica)
        return State(
            workspace_id=workspace_id,
            release=release.name if release else LATE_FUSION,
            folder=release.folder if release else None,
            spaces=spaces,
            columns=columns,
            replica=replica,
            # An older replica stands in for a while: the next query has to look again.
            version=version if complete else (),
            release_id=release_id,
            trial=trial,
            masks=old.masks if old is not None and old.replica is replica else {},
            derived=_derived(old, replica),
        )

    def _replica(
        self, session: Session, workspace_id: int, revision: int, old: State | None
    ) -> tuple[Replica, bool]:
        if old is not None and old.replica.revision == revision:
            return old.replica, True
        origins = self._settings.graph_origins
        before = old.replica if old is not None else open_replica(self._settings.home, workspace_id, origins)
        if before is not None:
            followed = follow(session, workspace_id, before, revision)
            if followed is not None:
                return followed, True
        began, worked_s = time.monotonic(), time.thread_time()
        if old is not None and began < self._not_before.get(workspace_id, 0.0):
            return old.replica, False
        replica = load_replica(session, workspace_id, revision, origins)
        if time.thread_time() - worked_s > _QUICK_S:
            ended = time.monotonic()
            self._not_before[workspace_id] = ended + (ended - began)
        return replica, True

    def _reader(self, space_id: int, generation: int | None) -> SpaceReader:
        reader = self._readers.get(space_id)
        if reader is None:
            folder = self._settings.spaces_dir
            reader = SpaceReader(self._catalog, folder, space_id, source=self._source)
            self._readers[space_id] = reader
        reader.refresh(generation)
        return reader


def _derived(old: State | None, replica: Replica) -> dict[Any, Any]:
    """What is still right of what was computed from the state before: columns of attributes follow."""
    if old is None or old.replica is replica:
        return {} if old is None else old.derived
    found: dict[Any, Any] = {}
    touched = replica.touched
    if touched is None or replica.before != old.replica.revision:
        return found
    for name, column in list(old.derived.items()):
        if name[0] == "attribute":
            changed = replica.attributes.encoded(touched.tolist())
            # What SQL has to answer, it goes on to.
            found[name] = column and column.extended(changed, name[1], touched)
    return found


def _trial(session: Session, trial_id: int | None, active_id: int | None) -> Trial | None:
    """The newest open trial, where it is of the release that is active, or beside it."""
    row = session.get(ReleaseTrial, trial_id) if trial_id is not None else None
    if row is None or active_id is None:
        return None
    watched = row.release_id == active_id if row.kind == "watch" else row.release_id != active_id
    share = float(row.params.get("share", 1.0))
    return Trial(row.id, row.kind, row.release_id, row.against_id or active_id, share) if watched else None


def _as_version(rows: Iterable[Iterable[int | None]]) -> Version:
    return tuple(tuple(row) for row in rows)
