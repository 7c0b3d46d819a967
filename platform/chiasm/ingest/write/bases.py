"""Lineage of merged entities kept right when records change what they say (see `chiasm.duplicates.statements`)."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import select

from chiasm.catalog.aliases import kept_ids
from chiasm.catalog.models import EntityMerge, MergePart
from chiasm.ingest.prepare import Prepared
from chiasm.ingest.write.state import WriteState
from chiasm.ingest.write.tables import ENTITY, chunks

__all__ = ["hand_over_asset", "hand_over_statement", "take_back"]

_BASE = MergePart.kind == "triple"
_STATED = "stated"


def take_back(state: WriteState, records: Sequence[tuple[int, Prepared]]) -> None:
    """Let go of statements about merged entities that their subjects' records make no more.

    Args:
        state: The transaction; predicates have ids already.
        records: Entity and its record, which names all relations of the entity.
    """
    given = dict(records) if state.has_merges else {}
    parts = [
        part
        for some in chunks(given)
        for part in state.session.scalars(
            select(MergePart).where(_BASE, MergePart.subject_id.in_(some)).order_by(MergePart.id)
        )
    ]
    if not parts:
        return
    named = {one.object for _, prepared in records for one in prepared.record.relations or () if one.object}
    own: dict[str, int] = {}
    for keys in chunks(named):
        # Not what the keys mean now, but whose they are.
        rows = select(ENTITY.c.key, ENTITY.c.id).where(
            ENTITY.c.workspace_id == state.workspace_id, ENTITY.c.key.in_(keys)
        )
        own.update((key, entity_id) for key, entity_id in state.session.execute(rows))
    said = {
        (entity_id, state.predicates[one.predicate], own.get(one.object))
        for entity_id, prepared in records
        for one in prepared.record.relations or ()
        if one.object is not None
    }
    meant = kept_ids(state.session, {part.object_id for part in parts if part.object_id is not None})
    for part in parts:
        predicate = part.content["predicate_id"]
        kept_id = meant.get(part.object_id or 0, part.object_id)
        if part.object_id is None or part.content["origin"] != _STATED:
            continue
        if (part.subject_id, predicate, part.object_id) not in said:
            state.session.delete(part)
            state.session.flush()
            if part.moved:
                identity = (int(part.subject_id or 0), predicate, f"e:{kept_id}")
                hand_over_statement(state, part.row_id, identity)
        elif part.moved and kept_id != part.object_id and (part.subject_id, predicate, kept_id) in said:
            # It says the same of the kept one by its own name: the row stays when the merged one goes.
            part.moved = False
    state.session.flush()


def hand_over_statement(state: WriteState, row_id: int, identity: tuple[int, int, str]) -> None:
    """Let a row that a record gives up stand for a statement that means the same, if there is one.

    Args:
        state: The transaction.
        row_id: Of the statement.
        identity: Subject, predicate and object_ref of the row.
    """
    subject, predicate, ref = identity
    merged = select(EntityMerge.entity_id).where(EntityMerge.workspace_id == state.workspace_id)
    near = (MergePart.subject_id == subject) | MergePart.subject_id.in_(merged)
    same = select(MergePart).where(_BASE, near, MergePart.content["predicate_id"].as_integer() == predicate)
    for part in state.session.scalars(same.order_by(MergePart.id)).all():
        ends = {one for one in (part.subject_id, part.object_id) if one is not None}
        meant = kept_ids(state.session, ends)
        target = meant.get(part.object_id or 0, part.object_id)
        mine = part.content["object_ref"] if target is None else f"e:{target}"
        if (meant.get(part.subject_id or 0, part.subject_id), mine) == (subject, ref):
            if not part.moved:
                part.moved, part.row_id = True, row_id
            return


def hand_over_asset(state: WriteState, kept_id: int, sha256: str, row_id: int) -> None:
    """Let an asset that the kept entity's record gives up be the merged one's that had it too."""
    parts = state.session.scalars(
        select(MergePart)
        .join(EntityMerge, EntityMerge.id == MergePart.merge_id)
        .where(EntityMerge.into_id == kept_id, MergePart.kind == "asset", MergePart.sha256 == sha256)
        .order_by(MergePart.id)
    ).all()
    if parts and not any(part.moved for part in parts):
        parts[0].moved, parts[0].row_id = True, row_id
