"""What an entity has from those that were merged into it, and records that come under their keys.

A record of the kept entity itself replaces what is its own and takes back nothing that came with a merged one. A
record under a merged one's key adds to the kept entity: its texts, media and statements, and attributes and a
title where there are none. It takes nothing back either, so that the order of lines does not decide what is left.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import select, update

from chiasm.catalog.aliases import kept_ids
from chiasm.catalog.models import Entity, EntityMerge, MergePart
from chiasm.ingest.prepare import Content, Prepared, text_content
from chiasm.ingest.rows import Edge
from chiasm.ingest.write.assets import insert_assets, stored_assets
from chiasm.ingest.write.edges import add_edges
from chiasm.ingest.write.entities import Known
from chiasm.ingest.write.state import WriteState
from chiasm.ingest.write.tables import ENTITY, chunks

__all__ = ["Adopted", "add_by_alias", "adopt"]


@dataclass
class Adopted:
    """What came with merged entities."""

    #: (kept entity, SHA-256)
    contents: set[tuple[int, str]] = field(default_factory=set)
    #: (kept entity, predicate, object_ref)
    statements: set[tuple[int, int, str]] = field(default_factory=set)


def adopt(state: WriteState, records: Sequence[tuple[int, Prepared]]) -> Adopted:
    """What these entities have from merged ones, besides what their own records, just written, say.

    Content that a record names becomes the entity's own; attributes and a title that it does not give are filled
    from the merged ones again.
    """
    adopted = Adopted()
    given = dict(records) if state.has_merges else {}
    for some in chunks(given):
        merges = state.session.scalars(
            select(EntityMerge).where(EntityMerge.into_id.in_(some)).order_by(EntityMerge.id)
        ).all()
        if not merges:
            continue
        into = {one.id: one.into_id for one in merges}
        own = {(one, content.sha256) for one in set(into.values()) for _, content in _given(given[one])}
        parts = state.session.scalars(select(MergePart).where(MergePart.merge_id.in_(into))).all()
        targets = kept_ids(state.session, {part.object_id for part in parts if part.object_id is not None})
        for part in parts:
            kept_id, row = into[part.merge_id], part.content
            if part.kind == "triple":
                if part.subject_id != kept_id:
                    target = targets.get(part.object_id or 0, part.object_id)
                    ref = row["object_ref"] if target is None else f"e:{target}"
                    adopted.statements.add((kept_id, row["predicate_id"], ref))
                continue
            adopted.contents.add((kept_id, row["sha256"]))
            if (kept_id, row["sha256"]) in own:
                # It stays when the merged entity goes.
                part.moved = False
        for kept_id in sorted(set(into.values())):
            mine = [merge for merge in merges if merge.into_id == kept_id]
            _fill(state, kept_id, given[kept_id], mine)
    return adopted


def _fill(state: WriteState, kept_id: int, prepared: Prepared, merges: Sequence[EntityMerge]) -> None:
    """Attributes and title of merged entities where the kept one's record says nothing."""
    named = prepared.record.title is not None or state.replace
    described = prepared.record.attributes is not None or state.replace
    before = state.session.execute(
        select(ENTITY.c.title, ENTITY.c.attributes).where(ENTITY.c.id == kept_id)
    ).one()
    title, attributes = before.title, dict(before.attributes or {})
    for merge in merges:
        theirs, had = merge.entity, merge.filled
        new = [name for name in theirs["attributes"] if name not in attributes]
        attributes |= {name: theirs["attributes"][name] for name in new}
        names = sorted({*new, *(() if described else had["attributes"])})
        titled = (had["title"] and not named) or (not title and bool(theirs["title"]))
        title = title or theirs["title"]
        merge.filled = {"title": titled, "attributes": names}
    if (title, attributes) != (before.title, before.attributes):
        _set(state, kept_id, {"title": title, "attributes": attributes})
    state.session.flush()


def add_by_alias(state: WriteState, records: Sequence[tuple[Known, Prepared]]) -> None:
    """Add to kept entities what records under merged keys say; objects of their relations have ids already."""
    stored = stored_assets(state, {one.id for one, _ in records})
    seen = {(asset.entity_id, asset.modality, asset.sha256) for mine in stored.values() for asset in mine}
    edges: list[Edge] = []
    new: list[tuple[int, str, Content]] = []
    for one, prepared in records:
        taken = max((asset.position for asset in stored.get(one.id, ())), default=0)
        for modality, content in _given(prepared):
            if (one.id, modality, content.sha256) not in seen:
                seen.add((one.id, modality, content.sha256))
                content.position = taken = taken + 1
                new.append((one.id, modality, content))
        edges += [
            Edge(one.key, relation.predicate, relation.object, relation.value, relation.confidence)
            for relation in prepared.record.relations or ()
            # Between two names of one thing there is nothing to say.
            if relation.object is None or state.ids[relation.object] != one.id
        ]
        _complete(state, one, prepared)
    insert_assets(state, new)
    if edges:
        state.effects.touched |= add_edges(state, edges, state.ids)
    state.effects.touched |= {one.id for one, _ in records}
    state.effects.counts["updated"] += len(records)


def _given(prepared: Prepared) -> list[tuple[str, Content]]:
    record = prepared.record
    texts = [text_content(record.title, None, None)] if record.title else []
    texts += [text_content(item.value, item.lang, item.role) for item in record.text or ()]
    for content in texts:
        content.source = "text"
    media = [(modality, item) for modality, items in prepared.media.items() for item in items]
    return [("text", content) for content in texts] + media


def _complete(state: WriteState, one: Known, prepared: Prepared) -> None:
    record = prepared.record
    row = state.session.execute(
        select(ENTITY.c.title, ENTITY.c.attributes).where(ENTITY.c.id == one.id)
    ).one()
    values: dict[str, Any] = {"attributes": {**(record.attributes or {}), **(row.attributes or {})}}
    values |= {"title": row.title or record.title or None, "updated_at": state.now}
    _set(state, one.id, {**values, "revision": ENTITY.c.revision + 1})
    # The same record again is nothing new.
    merged = (ENTITY.c.workspace_id == state.workspace_id) & (ENTITY.c.key == record.key)
    hashed = None if prepared.broken else prepared.record_hash
    state.session.execute(update(ENTITY).where(merged).values(record_hash=hashed))


def _set(state: WriteState, entity_id: int, values: dict[str, Any]) -> None:
    state.session.execute(
        update(Entity).where(Entity.id == entity_id).values(values),
        execution_options={"synchronize_session": False},
    )
