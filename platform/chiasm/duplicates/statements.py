"""Statements about merged entities: kept as they were made, shown as what they mean now.

A statement that names a merged entity is noted with the ends that it was made with (its *base*), once, whatever is
merged later. In the graph stands what it means now: its ends replaced by what they are part of, equal ones once, none
from an entity to itself. One of the equal ones *holds* the row (`moved`); a row that no base holds is of its own.
Merging and taking apart are then the same step, to what the bases mean afterwards, in whatever order they happen.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import RowMapping, delete, or_, select
from sqlalchemy.orm import Session

from chiasm.catalog.models import Entity, EntityMerge, MergePart
from chiasm.duplicates.rows import TRIPLE, change, drop, part_of, put_back
from chiasm.origins import RULE

__all__ = ["merge_statements", "return_statements"]

#: A row of the table, or the same with other ends.
Row = RowMapping | dict[str, Any]
Identity = tuple[int, int, str]
_ENDS = ("subject_id", "object_id")
_BASE = MergePart.kind == TRIPLE.name


def merge_statements(session: Session, merge: EntityMerge) -> None:
    """Let statements about the merged entity be about the kept one; the merge is noted already."""
    other, kept = merge.entity_id, merge.into_id
    _withdraw(session, {other, kept})
    touching = or_(TRIPLE.c.subject_id == other, TRIPLE.c.object_id == other)
    rows = session.execute(select(TRIPLE).where(touching).order_by(TRIPLE.c.id)).mappings().all()
    held = {
        part.row_id: part
        for part in session.scalars(
            select(MergePart).where(_BASE, MergePart.moved, MergePart.row_id.in_([row["id"] for row in rows]))
        )
    }
    for row in rows:
        part = held.get(row["id"])
        if part is None:
            part = part_of(merge.id, TRIPLE, row, moved=True)
            session.add(part)
        _place(session, part, _meaning(row, {other: kept}))
    session.flush()


def return_statements(session: Session, merge: EntityMerge) -> None:
    """Let statements about the merged entity be about it again; the merge is to be removed afterwards."""
    _withdraw(session, {merge.entity_id, merge.into_id})
    merges = session.scalars(select(EntityMerge).where(EntityMerge.workspace_id == merge.workspace_id)).all()
    into = {one.entity_id: one.into_id for one in merges}
    below = {merge.entity_id}
    while more := {one for one, kept in into.items() if kept in below} - below:
        below |= more
    del into[merge.entity_id]
    gone: set[Identity] = set()
    # Those that hold a row first: what they leave is free then.
    bases = _bases(session, merge.workspace_id, below)
    for part in bases:
        row = _row(session, part.row_id) if part.moved else None
        if (part.moved and row is None) or not _alive(session, _resolved(part.content, into)):
            # Taken back since, or about what was deleted.
            if row is not None:
                drop(session, TRIPLE, part.row_id)
            session.delete(part)
            continue
        if row is not None:
            gone.add(_identity(row))
        _place(session, part, _resolved(part.content, into))
    session.flush()
    _restore_equal(session, merge.workspace_id, gone, into)
    _pass_on(session, merge, bases, {one.entity_id: one.id for one in merges if one.id != merge.id})


def _withdraw(session: Session, ends: set[int]) -> None:
    """Take out what rules derived about entities: it rests on what they were, and must not hold what is stated."""
    about = or_(TRIPLE.c.subject_id.in_(ends), TRIPLE.c.object_id.in_(ends))
    session.execute(delete(TRIPLE).where(TRIPLE.c.origin == RULE, about))


def _place(session: Session, part: MergePart, meaning: Row) -> None:
    """Make the graph say what a base means."""
    there = _find(session, meaning)
    loop = meaning["subject_id"] == meaning["object_id"]
    if part.moved and there == part.row_id and not loop:
        return
    if loop or there is not None:
        if part.moved:
            drop(session, TRIPLE, part.row_id)
        part.moved = False
    elif part.moved:
        change(session, TRIPLE, part.row_id, {name: meaning[name] for name in (*_ENDS, "object_ref")})
    else:
        free = _row(session, part.row_id) is None
        part.row_id = put_back(session, TRIPLE, _facts(meaning), part.row_id if free else None)
        part.moved = True


def _restore_equal(session: Session, workspace_id: int, gone: set[Identity], into: Mapping[int, int]) -> None:
    """Say again what was said by a base that went, if another one says it too."""
    if not gone:
        return
    free = _all_bases(workspace_id).where(MergePart.moved.is_(False))
    free = free.where(
        MergePart.content["predicate_id"].as_integer().in_({predicate for _, predicate, _ in gone})
    )
    for part in session.scalars(free.order_by(MergePart.id)).all():
        meaning = _resolved(part.content, into)
        if _identity(meaning) in gone and _alive(session, meaning):
            _place(session, part, meaning)
    session.flush()


def _pass_on(
    session: Session, merge: EntityMerge, bases: Sequence[MergePart], merge_of: Mapping[int, int]
) -> None:
    """Bases that name no merged entity any more are statements of their own; others go with that one's merge."""
    for part in bases:
        if part in session.deleted or part not in session:
            continue
        named = [part.content[end] for end in _ENDS if part.content[end] in merge_of]
        if named:
            part.merge_id = merge_of[named[0]] if part.merge_id == merge.id else part.merge_id
            continue
        if not part.moved:
            row_id = _find(session, part.content)
            # Equal ones do not take it along when they go.
            for other in session.scalars(
                select(MergePart).where(_BASE, MergePart.moved, MergePart.row_id == row_id)
            ):
                other.moved = False
        session.delete(part)
    session.flush()


def _bases(session: Session, workspace_id: int, ends: set[int]) -> list[MergePart]:
    """Bases that name one of some entities, those that hold a row first."""
    named = or_(MergePart.subject_id.in_(ends), MergePart.object_id.in_(ends))
    found = session.scalars(_all_bases(workspace_id).where(named)).all()
    return sorted(found, key=lambda part: (not part.moved, part.id))


def _all_bases(workspace_id: int) -> Any:
    mine = select(EntityMerge.id).where(EntityMerge.workspace_id == workspace_id)
    return select(MergePart).where(_BASE, MergePart.merge_id.in_(mine))


def _resolved(row: Row, into: Mapping[int, int]) -> dict[str, Any]:
    ends = {}
    for end in _ENDS:
        one = row[end]
        while one in into:
            one = into[one]
        ends[row[end]] = one
    return _meaning(row, ends)


def _meaning(row: Row, ends: Mapping[int | None, int | None]) -> dict[str, Any]:
    """A statement with other ends."""
    subject, target = (ends.get(row[end], row[end]) for end in _ENDS)
    ref = row["object_ref"] if target is None else f"e:{target}"
    return {**row, "subject_id": subject, "object_id": target, "object_ref": ref}


def _facts(row: Row) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name != "id"}


def _identity(row: Row) -> Identity:
    return row["subject_id"], row["predicate_id"], row["object_ref"]


def _find(session: Session, row: Row) -> int | None:
    return session.scalar(
        select(TRIPLE.c.id).where(
            TRIPLE.c.subject_id == row["subject_id"],
            TRIPLE.c.predicate_id == row["predicate_id"],
            TRIPLE.c.object_ref == row["object_ref"],
        )
    )


def _row(session: Session, row_id: int) -> Row | None:
    return session.execute(select(TRIPLE).where(TRIPLE.c.id == row_id)).mappings().one_or_none()


def _alive(session: Session, row: Row) -> bool:
    ends = {row[end] for end in _ENDS} - {None}
    there = select(Entity.id).where(Entity.id.in_(ends), Entity.deleted_at.is_(None))
    return set(session.scalars(there)) == ends
