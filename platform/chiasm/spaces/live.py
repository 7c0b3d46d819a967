"""Which row of an item is live: the table `embedding`, and `dead_row` for what readers must mask."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from sqlalchemy import (
    BigInteger,
    ColumnElement,
    CursorResult,
    Row,
    Select,
    bindparam,
    delete,
    exists,
    func,
    literal,
    null,
    or_,
    select,
    true,
    update,
)
from sqlalchemy.orm import Session, aliased

from chiasm.catalog import Catalog
from chiasm.catalog.bulk import listed, rows_of, upsert
from chiasm.catalog.models import DeadRow, Embedding, Segment, Space, table_of
from chiasm.spaces.kinds.base import Ints

__all__ = [
    "bump_generation",
    "bury",
    "dead_of",
    "dead_since",
    "items_of",
    "mask_phantoms",
    "phantoms",
    "remove_items",
    "settle",
    "upsert_live",
    "used",
]

_EMBEDDING = table_of(Embedding)
_DEAD_ROW = table_of(DeadRow)
_DEAD_SINCE = select(_DEAD_ROW.c.segment_id, _DEAD_ROW.c.item_id).where(
    _DEAD_ROW.c.space_id == bindparam("space_id"), _DEAD_ROW.c.generation >= bindparam("generation")
)
#: Bound parameters of one statement stay below every database's limit.
_CHUNK = 10_000
#: Rows that follow a merged segment in one write transaction: it must stay short.
_SETTLE_ROWS = 5_000
_PLAIN = {"synchronize_session": False}


def remove_items(session: Session, space_ids: Iterable[int], item_ids: Sequence[int] | Ints) -> None:
    """Take items out of spaces, in the caller's write transaction; the rows in the files are masked."""
    spaces = sorted({int(space_id) for space_id in space_ids})
    items = [int(item) for item in item_ids]
    if not spaces or not items:
        return
    bump_generation(session, spaces)
    for start in range(0, len(items), _CHUNK):
        chunk = items[start : start + _CHUNK]
        mine = Embedding.space_id.in_(spaces) & Embedding.item_id.in_(listed(session, BigInteger, chunk))
        _bury_where(session, mine)
        session.execute(delete(Embedding).where(mine), execution_options=_PLAIN)


def bump_generation(session: Session, space_ids: Sequence[int]) -> None:
    """Tell readers that the live set changes; other writers of these spaces wait from here to the commit."""
    session.execute(
        update(Space).where(Space.id.in_(space_ids)).values(generation=Space.generation + 1),
        execution_options=_PLAIN,
    )


def upsert_live(session: Session, space_id: int, segment_id: int, ids: Ints, *, mapped: bool = False) -> None:
    """Point items to the segment that holds their live row, after `bump_generation`; earlier rows die.

    ``mapped`` marks rows that stand in for the model's own.
    """
    # Ascending, so that two writers take their row locks in one order.
    items = np.sort(ids).tolist()
    for start in range(0, len(items), _CHUNK):
        chunk = items[start : start + _CHUNK]
        mine = (Embedding.space_id == space_id) & Embedding.item_id.in_(listed(session, BigInteger, chunk))
        _bury_where(session, mine)
        given = rows_of(session, {"item_id": BigInteger}, [(item,) for item in chunk])
        mark = literal(True) if mapped else null()
        chosen = select(literal(space_id), given.c.item_id, literal(segment_id), mark).where(true())
        columns = ["space_id", "item_id", "segment_id", "mapped"]
        statement = upsert(session, _EMBEDDING).from_select(columns, chosen)
        session.execute(
            statement.on_conflict_do_update(
                index_elements=["space_id", "item_id"],
                set_={name: statement.excluded[name] for name in ("segment_id", "mapped")},
            )
        )


def bury(session: Session, space_id: int, segment_id: int, ids: Ints) -> None:
    """Note rows of a segment as dead, after `bump_generation`."""
    generation = session.scalar(select(Space.generation).where(Space.id == space_id))
    rows = [(item, segment_id) for item in np.sort(ids).tolist()]
    for start in range(0, len(rows), _CHUNK):
        given = rows_of(
            session, {"item_id": BigInteger, "segment_id": BigInteger}, rows[start : start + _CHUNK]
        )
        chosen = select(given.c.segment_id, given.c.item_id, literal(space_id), literal(generation)).where(
            true()
        )
        _insert_dead(session, chosen)


def phantoms(session: Session, segment_id: int, ids: Ints) -> Ints:
    """Those of a segment's items that are neither live in it nor noted as dead: readers would find them."""
    live = items_of(session, segment_id)
    dead = session.scalars(select(DeadRow.item_id).where(DeadRow.segment_id == segment_id)).all()
    return np.setdiff1d(ids, np.concatenate([live, np.asarray(dead, dtype=np.int64)]))


def mask_phantoms(session: Session, space_id: int, segment_id: int, ids: Ints) -> int:
    """Note what `phantoms` finds as dead, in the caller's write transaction; how many."""
    bump_generation(session, [space_id])
    found = phantoms(session, segment_id, ids)
    bury(session, space_id, segment_id, found)
    return len(found)


def dead_since(session: Session, space_id: int, generation: int) -> tuple[Ints, Ints]:
    """Rows that died from a generation on: segments and items, each ``(n,)``."""
    since = {"space_id": space_id, "generation": generation}
    return _as_pairs(session.execute(_DEAD_SINCE, since).all())


def dead_of(session: Session, segment_ids: Sequence[int]) -> tuple[Ints, Ints]:
    """All dead rows of some segments: segments and items, each ``(n,)``."""
    these = listed(session, BigInteger, list(segment_ids))
    return _pairs(session, DeadRow.segment_id.in_(these))


def items_of(session: Session, segment_id: int) -> Ints:
    """Items whose live row is in a segment, ascending, also those that have still to follow it."""
    held = select(Segment.id).where(or_(Segment.id == segment_id, Segment.merged_into == segment_id))
    found = session.scalars(select(Embedding.item_id).where(Embedding.segment_id.in_(held)))
    return np.sort(np.asarray(found.all(), dtype=np.int64))


def used() -> ColumnElement[bool]:
    """Whether a segment of the statement has a live row, also one that has still to follow it."""
    merged = aliased(Segment)
    following = exists().where(merged.merged_into == Segment.id, Embedding.segment_id == merged.id)
    return exists().where(Embedding.segment_id == Segment.id) | following


def settle(catalog: Catalog, space_id: int) -> int:
    """Let the rows of `embedding` follow the segments that were merged, in short transactions; how many."""
    moved = 0
    while count := _settle_some(catalog, space_id):
        moved += count
    return moved


def _settle_some(catalog: Catalog, space_id: int) -> int:
    waiting = (
        select(Segment.id, Segment.merged_into)
        .where(Segment.space_id == space_id, Segment.merged_into.is_not(None))
        .where(exists().where(Embedding.segment_id == Segment.id))
        .limit(1)
    )
    with catalog.read() as session:
        if session.execute(waiting).first() is None:
            return 0
    with catalog.write() as session:
        # As every writer does: nobody moves or removes these rows meanwhile. What is live does not change.
        session.execute(select(Space.id).where(Space.id == space_id).with_for_update())
        found = session.execute(waiting).first()
        if found is None:
            return 0
        some = select(Embedding.item_id).where(Embedding.segment_id == found[0]).limit(_SETTLE_ROWS)
        mine = Embedding.space_id == space_id, Embedding.item_id.in_(some)
        result = session.execute(
            update(Embedding).where(*mine, Embedding.segment_id == found[0]).values(segment_id=found[1]),
            execution_options=_PLAIN,
        )
        return result.rowcount if isinstance(result, CursorResult) else 0


def _pairs(session: Session, chosen: ColumnElement[bool]) -> tuple[Ints, Ints]:
    return _as_pairs(session.execute(select(DeadRow.segment_id, DeadRow.item_id).where(chosen)).all())


def _as_pairs(rows: Sequence[Row[int, int]]) -> tuple[Ints, Ints]:
    found = np.asarray([tuple(row) for row in rows], dtype=np.int64).reshape(-1, 2)
    return found[:, 0], found[:, 1]


def _bury_where(session: Session, mine: ColumnElement[bool]) -> None:
    chosen = (
        select(
            func.coalesce(Segment.merged_into, Segment.id),
            Embedding.item_id,
            Embedding.space_id,
            Space.generation,
        )
        .join(Segment, Segment.id == Embedding.segment_id)
        .join(Space, Space.id == Embedding.space_id)
        .where(mine)
    )
    _insert_dead(session, chosen)


def _insert_dead(session: Session, chosen: Select[int, int, int, int]) -> None:
    columns = ["segment_id", "item_id", "space_id", "generation"]
    statement = upsert(session, _DEAD_ROW).from_select(columns, chosen)
    session.execute(statement.on_conflict_do_nothing())
