"""Keeping Milvus like the spaces: large segments copied, dead rows deleted, collections of old segments dropped."""

from __future__ import annotations

import fcntl
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import numpy as np
from sqlalchemy import select

from chiasm.catalog import Catalog
from chiasm.catalog.models import Segment, Space
from chiasm.errors import DamagedError
from chiasm.spaces.kinds.base import Ints
from chiasm.spaces.milvus.naming import Naming
from chiasm.spaces.milvus.store import MilvusStore
from chiasm.spaces.part import Part
from chiasm.spaces.parts import live_parts
from chiasm.spaces.reader import SMALL_ROWS

__all__ = ["Mirror", "Mirrored", "mirroring_alone"]

_LOCK = ".mirror"


class Mirrored(NamedTuple):
    """What was done."""

    #: Segments copied.
    copied: int
    #: Collections dropped.
    dropped: int


class Mirror:
    """Copies segments to Milvus; everything it does may be done again, by several at once.

    Args:
        catalog: Knows the live segments.
        root: Folder of all spaces.
        store: The server.
        small_rows: As of `SpaceReader`: segments up to this size need no copy.
    """

    def __init__(
        self, catalog: Catalog, root: Path, store: MilvusStore, *, small_rows: int | None = None
    ) -> None:
        self._catalog = catalog
        self._root = root
        self._store = store
        self._small_rows = SMALL_ROWS if small_rows is None else small_rows
        self.naming = Naming(catalog)
        #: Space -> its parts as last seen, by folder, and the generation then.
        self._known: dict[int, tuple[dict[Path, Part], int]] = {}
        #: Collection -> how many live rows it was told of.
        self._told: dict[str, int] = {}

    def follow(self, beat: Callable[[int, int], None] = lambda done, total: None) -> Mirrored:
        """Bring Milvus to where the spaces are now.

        Args:
            beat: Called with rows copied and rows to copy; may raise to end early.

        Raises:
            UnavailableError: Milvus is away; what was copied by then need not be copied again.
            DamagedError: A segment is damaged.
        """
        parts = self._large()
        missing = [part for part in parts if not self._store.whole(self._name(part))]
        total, done = sum(len(part) for part in missing), 0
        for part in missing:
            for written in self._copy(part):
                beat(done + written, total)
            done += len(part)
        for part in parts:
            self._bury(part)
        return Mirrored(len(missing), self._drop_old())

    def clear(self) -> int:
        """Drop every collection of this home; how many."""
        names = self._store.names(self.naming.prefix)
        for name in names:
            self._store.drop(name)
        self._told.clear()
        return len(names)

    def rest(self) -> None:
        """Until the next `follow`, let others open milvus-lite's file; a connection to a server is kept."""
        if self._store.url.file is not None:
            self._store.close()

    def _large(self) -> list[Part]:
        """Live segments that a source is asked for."""
        with self._catalog.read() as session:
            spaces = session.scalars(select(Space.id).order_by(Space.id)).all()
        return [part for one in spaces for part in self._parts(one) if len(part.row_ids) > self._small_rows]

    def _parts(self, space_id: int) -> Iterable[Part]:
        known, since = self._known.get(space_id, ({}, 0))
        for last in (False, True):
            try:
                with self._catalog.read() as session:
                    space, parts = live_parts(session, self._root, space_id, known, since)
                break
            except DamagedError:
                # It may have been merged away and collected since its row was read.
                if last:
                    raise
        self._known[space_id] = {part.segment.folder: part for part in parts.values()}, space.generation
        return parts.values()

    def _name(self, part: Part) -> str:
        return self.naming.collection(part.segment.folder)

    def _copy(self, part: Part) -> Iterator[int]:
        pieces = (part.vectors(rows) for rows in _pieces(part.rows, self._store.batch_rows))
        yield from self._store.fill(self._name(part), part.rows, pieces, part.segment.dim)
        self._told[self._name(part)] = len(part)

    def _bury(self, part: Part) -> None:
        """Delete the rows that died since the copy was made; readers mask them in any case."""
        name, live = self._name(part), len(part)
        if self._told.get(name) == live:
            return
        if part.alive is not None:
            self._store.remove(name, np.flatnonzero(~part.alive))
        self._told[name] = live

    def _drop_old(self) -> int:
        """Drop what is of no live segment; one that became live since then is asked for again."""
        names = self._store.names(self.naming.prefix)
        with self._catalog.read() as session:
            paths = session.scalars(select(Segment.path).where(Segment.state.in_(("live", "intent"))))
            kept = {self.naming.collection(self._root / path) for path in paths}
        old = [name for name in names if name not in kept]
        for name in old:
            self._store.drop(name)
            self._told.pop(name, None)
        return len(old)


@contextmanager
def mirroring_alone(root: Path) -> Iterator[bool]:
    """Whether no other process of this machine copies the same spaces: two would do the same work."""
    root.mkdir(parents=True, exist_ok=True)
    with (root / _LOCK).open("ab") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True


def _pieces(rows: Ints, size: int) -> Iterator[Ints]:
    for start in range(0, len(rows), size):
        yield rows[start : start + size]
