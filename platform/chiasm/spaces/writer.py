"""Adding vectors to a space and taking them away: files first, then one SQL transaction."""

from __future__ import annotations

import uuid
from collections.abc import Container, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import numpy as np
from sqlalchemy import BigInteger, CursorResult, Table, delete, literal, select, true, update
from sqlalchemy.orm import Session

from chiasm.catalog import Catalog
from chiasm.catalog.bulk import listed, rows_of, upsert
from chiasm.catalog.models import Embedding, Segment, Space
from chiasm.errors import ChiasmError, ConflictError, DimensionError, InputError, NotFoundError, StampError
from chiasm.spaces.kinds.base import Floats, Ints
from chiasm.spaces.segment import SegmentFile, write_files

__all__ = ["PendingSegment", "remove_items", "upsert_live", "write_segment"]

_EMBEDDING = cast(Table, Embedding.__table__)
#: Bound parameters of one statement stay below every database's limit.
_CHUNK = 10_000


@dataclass(frozen=True)
class PendingSegment:
    """A segment whose files are durable but which nobody reads until `commit`."""

    space_id: int
    #: None when there was nothing to write.
    segment_id: int | None
    ids: Ints
    file: SegmentFile | None

    def commit(self, session: Session, alive: Container[int] | None = None) -> None:
        """Make the segment's rows the live ones of their items, in the caller's write transaction.

        Args:
            session: The transaction.
            alive: The items that are still there; the rows of others are dead from the start. Default all.

        Raises:
            ConflictError: The intent has been collected meanwhile (far older than any lease).
        """
        if self.segment_id is None or self.file is None:
            return
        self.activate(session, self.file)
        ids = self.ids if alive is None else self.ids[[int(item) in alive for item in self.ids]]
        upsert_live(session, self.space_id, self.segment_id, ids)
        bump_generation(session, [self.space_id])

    def take_over(self, session: Session, old: Sequence[int]) -> int:
        """Point the items of older segments here, where the same vectors are, in the caller's write transaction.

        Items whose live row is in none of the old segments by then, as they were deleted or embedded anew, stay
        as they are: each row is looked at when it is written, not before (PostgreSQL). The old segments are then
        for `retire`.

        Args:
            session: The transaction.
            old: Ids of the segments whose rows this one holds.

        Returns:
            How many were moved.

        Raises:
            ConflictError: As `commit`.
        """
        moved = 0
        if self.segment_id is not None and self.file is not None:
            self.activate(session, self.file)
            moved = _move_live(session, self.space_id, old, self.segment_id, self.ids)
        bump_generation(session, [self.space_id])
        return moved

    def activate(self, session: Session, file: SegmentFile) -> None:
        """Turn the intent row into a live segment; no item points to it yet."""
        values = {
            "state": "live",
            "rows": len(self.ids),
            "size_bytes": file.size_bytes,
            "index_kind": file.kind.name,
            "sha256": file.sha256,
        }
        statement = update(Segment).where(Segment.id == self.segment_id, Segment.state == "intent")
        result = session.execute(statement.values(values))
        if not isinstance(result, CursorResult) or result.rowcount != 1:
            raise ConflictError(
                "the segment's intent is gone: it was taken for abandoned",
                where=str(file.folder),
                remedy="embed these items again (`chiasm jobs retry ID`)",
            )


def write_segment(
    catalog: Catalog, root: Path, space_id: int, ids: Ints, vectors: Floats, *, stamp: str | None = None
) -> PendingSegment:
    """A durable segment, not live before its `commit`.

    Args:
        catalog: Where the intent is noted, in a transaction of its own.
        root: Folder of all spaces (`Settings.spaces_dir`).
        space_id: The space to add to.
        ids: Asset or entity ids by the space's kind, all different, ``(n,)``; may be none.
        vectors: ``(n, dim)``; normalised here.
        stamp: Fingerprint of the model that made the vectors, where the caller has it at hand.

    Raises:
        NotFoundError: There is no such space.
        DimensionError: The vectors have another dimension than the space.
        StampError: The vectors were made by another model than the space's.
        InputError: A vector is zero or not finite, or an id occurs twice.
    """
    with catalog.read() as session:
        space = session.get(Space, space_id)
    if space is None:
        raise NotFoundError(f"there is no space {space_id}", where="space")
    if stamp is not None and stamp != space.stamp:
        raise StampError(
            f"vectors of model {stamp[:12]} cannot join a space of {space.stamp[:12]}",
            where=f"space {space_id}",
            remedy="write them to the space of their own model",
        )
    ids = np.ascontiguousarray(ids, dtype=np.int64).reshape(-1)
    vectors = _checked(ids, np.asarray(vectors, dtype=np.float32), space)
    if not len(ids):
        return PendingSegment(space_id, None, ids, None)
    row = Segment(space_id=space_id, path=f"{space.kind}-{space_id}/{uuid.uuid4().hex}", state="intent")
    with catalog.write() as session:
        session.add(row)
        session.flush()
        segment_id, path = row.id, row.path
    try:
        file = write_files(root / path, ids, vectors, space.stamp)
    except BaseException:
        # Where the catalog is away too, the intent is collected later.
        with suppress(ChiasmError), catalog.write() as session:
            session.execute(delete(Segment).where(Segment.id == segment_id, Segment.state == "intent"))
        raise
    return PendingSegment(space_id, segment_id, ids, file)


def remove_items(session: Session, space_ids: Iterable[int], item_ids: Sequence[int] | Ints) -> None:
    """Take items out of spaces, in the caller's write transaction; the rows in the files are masked."""
    spaces = [int(space_id) for space_id in space_ids]
    items = [int(item) for item in item_ids]
    if not spaces or not items:
        return
    for start in range(0, len(items), _CHUNK):
        chunk = items[start : start + _CHUNK]
        session.execute(delete(Embedding).where(Embedding.space_id.in_(spaces), Embedding.item_id.in_(chunk)))
    bump_generation(session, spaces)


def bump_generation(session: Session, space_ids: Sequence[int]) -> None:
    """Tell readers that the live set changed."""
    session.execute(
        update(Space).where(Space.id.in_(space_ids)).values(generation=Space.generation + 1),
        execution_options={"synchronize_session": False},
    )


def upsert_live(session: Session, space_id: int, segment_id: int, ids: Ints) -> None:
    """Point items to the segment that holds their live row."""
    # Ascending, so that two writers take their row locks in one order.
    rows = [(item,) for item in sorted(ids.tolist())]
    for start in range(0, len(rows), _CHUNK):
        given = rows_of(session, {"item_id": BigInteger}, rows[start : start + _CHUNK])
        chosen = select(literal(space_id), given.c.item_id, literal(segment_id)).where(true())
        statement = upsert(session, _EMBEDDING).from_select(["space_id", "item_id", "segment_id"], chosen)
        session.execute(
            statement.on_conflict_do_update(
                index_elements=["space_id", "item_id"], set_={"segment_id": statement.excluded.segment_id}
            )
        )


def _move_live(session: Session, space_id: int, old: Sequence[int], new: int, ids: Ints) -> int:
    items, moved = np.sort(ids).tolist(), 0
    for start in range(0, len(items), _CHUNK):
        these = listed(session, BigInteger, items[start : start + _CHUNK])
        mine = Embedding.space_id == space_id, Embedding.item_id.in_(these), Embedding.segment_id.in_(old)
        result = session.execute(
            update(Embedding).where(*mine).values(segment_id=new),
            execution_options={"synchronize_session": False},
        )
        moved += result.rowcount if isinstance(result, CursorResult) else 0
    return moved


def _checked(ids: Ints, vectors: Floats, space: Space) -> Floats:
    if vectors.ndim != 2 or vectors.shape != (len(ids), space.dim):
        raise DimensionError(
            f"vectors of shape {vectors.shape} for {len(ids)} items of a space of {space.dim} dimensions",
            where=f"space {space.id} ({space.kind})",
            remedy="use the model that the space was made with",
        )
    if len(np.unique(ids)) != len(ids):
        raise InputError("an item id occurs twice", where=f"space {space.id}")
    norms = np.linalg.norm(vectors, axis=1)
    wrong = ~(np.isfinite(norms) & (norms > 0))
    if wrong.any():
        raise InputError(
            f"{int(wrong.sum())} vectors are zero or not finite, the first of item {int(ids[wrong][0])}",
            where=f"space {space.id} ({space.kind})",
            remedy="the encoder must give a vector for every item",
        )
    return np.asarray(vectors / norms[:, None], dtype=np.float32)
