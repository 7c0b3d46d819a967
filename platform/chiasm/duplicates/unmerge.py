"""Undoing a merge: the merged entity is again what it was; what came after stays with the kept one."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from chiasm.catalog import Catalog
from chiasm.catalog.models import Domain, DuplicatePair, Entity, EntityMerge, MergePart
from chiasm.catalog.scrubbing import overwrite_deleted
from chiasm.duplicates.giving_back import Return, return_assets
from chiasm.duplicates.merge import merge_entities
from chiasm.duplicates.names import locked
from chiasm.duplicates.pairs import settle
from chiasm.duplicates.statements import return_statements
from chiasm.duplicates.work import ask_for_work, present_spaces
from chiasm.errors import ConflictError, NotFoundError
from chiasm.ingest.delete import near_to
from chiasm.settings import Settings

__all__ = ["Unmerged", "take_apart", "unmerge_entity"]


class Unmerged(NamedTuple):
    """What an undoing did."""

    #: Key of the entity that is itself again.
    key: str
    #: Key of the one that it was part of.
    kept: str
    #: The job that embeds and fuses what changed; None if that is not needed.
    job_id: int | None


def unmerge_entity(settings: Settings, catalog: Catalog, workspace_id: int, key: str) -> Unmerged:
    """Take a merged entity out of the one that it became part of, in one transaction.

    Args:
        settings: Of the home; they say which encoders answer.
        catalog: Where it is.
        workspace_id: Tenant.
        key: Of the merged entity.

    Raises:
        NotFoundError: There is no such entity, or it was not merged.
        ConflictError: What it was merged into was merged itself later.
    """
    with catalog.change(workspace_id) as session:
        # What is kept here may be forgotten next.
        overwrite_deleted(session)
        entity = locked(session, workspace_id, [key])[key]
        merge = session.scalar(select(EntityMerge).where(EntityMerge.entity_id == entity.id))
        if merge is None:
            raise NotFoundError(
                "the entity was not merged", where=key, remedy="`chiasm duplicates list --state merged`"
            )
        kept = session.scalars(select(Entity).where(Entity.id == merge.into_id).with_for_update()).one()
        if kept.deleted_at is not None:
            raise ConflictError(
                f"{kept.key!r}, which it is part of, was merged later",
                where=key,
                remedy=f"unmerge {kept.key!r} first",
            )
        before = near_to(session, [kept.id])
        changed, assets = _take_apart(session, settings, merge, entity, kept)
        changed |= before
        job_id = ask_for_work(session, catalog, workspace_id, "unmerge", assets=assets, changed=changed)
        return Unmerged(key, kept.key, job_id)


def take_apart(settings: Settings, catalog: Catalog, workspace_id: int, keys: Sequence[str]) -> list[str]:
    """Keys of what had been merged into these entities; all of them, and these, stand for themselves now.

    What these entities had been merged into by way of others stays merged.
    """
    with catalog.read() as session:
        rows = session.execute(
            select(EntityMerge.entity_id, EntityMerge.into_id, Entity.key)
            .join(Entity, Entity.id == EntityMerge.entity_id)
            .where(EntityMerge.workspace_id == workspace_id)
            # An entity must stand for itself before what went into it can be taken out: the latest goes first.
            .order_by(EntityMerge.id.desc())
        ).all()
        mine = (Entity.workspace_id == workspace_id) & Entity.key.in_(keys)
        below = set(session.scalars(select(Entity.id).where(mine)))
    into = {row.entity_id: row.into_id for row in rows}
    while more := {one for one, kept in into.items() if kept in below} - below:
        below |= more
    above: set[int] = set()
    for one in below:
        while one in into:
            one = into[one]
            above.add(one)
    undone = [
        unmerge_entity(settings, catalog, workspace_id, row.key)
        for row in rows
        if row.entity_id in below | above
    ]
    between = {row.key for row in rows if row.entity_id in above - below}
    for done in reversed(undone):
        if done.key in between:
            merge_entities(catalog, workspace_id, done.kept, [done.key])
    return [row.key for row in rows if row.entity_id in below and row.key not in keys]


def _take_apart(
    session: Session, settings: Settings, merge: EntityMerge, entity: Entity, kept: Entity
) -> tuple[set[int], dict[int, set[int]]]:
    """Entities that changed, and assets to embed by space."""
    _restore_row(session, merge, entity)
    back = Return(session, entity.id, kept.id, present_spaces(session, settings, kept.workspace_id))
    return_assets(back, merge.id)
    return_statements(session, merge)
    gone = delete(MergePart).where(MergePart.merge_id == merge.id)
    session.execute(gone, execution_options={"synchronize_session": False})
    session.delete(merge)
    session.flush()
    _unfill(session, merge, kept)
    kept.revision += 1
    kept.updated_at = time.time()
    first, second = sorted((entity.id, kept.id))
    pair = select(DuplicatePair.state).where(
        DuplicatePair.first_id == first, DuplicatePair.second_id == second
    )
    if session.scalar(pair) == "merged":
        settle(session, kept.workspace_id, entity.id, kept.id, "found")
    session.flush()
    return {entity.id, kept.id, *near_to(session, [entity.id, kept.id])}, back.to_embed


def _restore_row(session: Session, merge: EntityMerge, entity: Entity) -> None:
    was = merge.entity
    entity.title, entity.attributes, entity.is_stub = was["title"], was["attributes"], was["is_stub"]
    entity.record_hash = was["record_hash"]
    entity.domain_id = _domain(session, merge.workspace_id, was["domain"])
    entity.deleted_at = None
    entity.revision += 1
    entity.updated_at = time.time()
    session.flush()


def _domain(session: Session, workspace_id: int, name: str | None) -> int | None:
    if name is None:
        return None
    known = select(Domain.id).where(Domain.workspace_id == workspace_id, Domain.name == name)
    found = session.scalar(known)
    if found is None:
        # It was empty without the entity, and removed.
        row = Domain(workspace_id=workspace_id, name=name)
        session.add(row)
        session.flush()
        found = row.id
    return found


def _unfill(session: Session, merge: EntityMerge, kept: Entity) -> None:
    """Take back what the kept entity has from the merged one only, unless it was changed since."""
    was, filled = merge.entity, merge.filled
    back = {name for name in filled["attributes"] if kept.attributes.get(name) == was["attributes"][name]}
    attributes = {name: value for name, value in kept.attributes.items() if name not in back}
    title = None if filled["title"] and kept.title == was["title"] else kept.title
    others = session.scalars(
        select(EntityMerge).where(EntityMerge.into_id == kept.id).order_by(EntityMerge.id)
    )
    for other in others:
        theirs = other.entity
        new = [name for name in theirs["attributes"] if name not in attributes]
        attributes |= {name: theirs["attributes"][name] for name in new}
        titled = other.filled["title"] or (not title and bool(theirs["title"]))
        title = title or theirs["title"]
        names = sorted({*other.filled["attributes"], *new})
        other.filled = {"title": titled, "attributes": names}
    kept.title, kept.attributes = title, attributes
