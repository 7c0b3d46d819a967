"""Up to where a release's vectors are right: marks in the log of changes, and what was touched after them.

Whether an entity has a vector says little: it may have been made from an older text. So each release keeps the marks of
the last moment at which all of its vectors were right, and what was added, changed or taken away since is read from
the log that triggers write (ADR 11): no writer can forget to tell.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import BigInteger, exists, func, select
from sqlalchemy.orm import Session

from chiasm.catalog.bulk import listed
from chiasm.catalog.change_log import followable, log_marks
from chiasm.catalog.models import (
    Asset,
    Change,
    Embedding,
    Entity,
    Release,
    ReleaseSpace,
    ReleaseTrial,
    Triple,
    Workspace,
)

__all__ = [
    "Marks",
    "behind",
    "kept_releases",
    "live_among",
    "marks_now",
    "marks_of",
    "missing_entities",
    "pending_from",
    "touched_since",
    "unowned_items",
]


@dataclass(frozen=True)
class Marks:
    """A moment of a workspace."""

    #: Of the database, and the newest entry of its log of changes.
    epoch: int
    change: int
    #: Newest ids: rows beyond them are new.
    entity: int
    asset: int
    triple: int
    revision: int

    def to_dict(self) -> dict[str, int]:
        """The marks as JSON."""
        return asdict(self)


def marks_now(session: Session, workspace_id: int) -> Marks:
    """The marks of this moment; within `Catalog.change` nobody is in the middle of another one."""
    epoch, change = log_marks(session)
    entity, asset, triple = (
        session.scalar(select(func.max(table.id))) or 0 for table in (Entity, Asset, Triple)
    )
    revision = session.scalar(select(Workspace.revision).where(Workspace.id == workspace_id))
    return Marks(epoch, change, entity, asset, triple, revision or 0)


def marks_of(release: Release) -> Marks | None:
    """Up to where the release's vectors are right; None where nobody knows."""
    kept: Any = release.followed
    return Marks(**kept) if kept else None


def touched_since(session: Session, workspace_id: int, old: Marks | None) -> set[int] | None:
    """Ids of the entities that were added, changed or deleted since, or whose assets or edges were.

    None: all of them may have been, as the log does not reach that far.
    """
    if old is None or not followable(log_marks(session), old.epoch, old.change):
        return None
    noted: dict[str, list[int]] = {"entity": [], "asset": [], "triple": []}
    found: set[int | None] = set()
    log = select(Change.kind, Change.row_id, Change.entity_id, Change.other_id).where(
        Change.workspace_id == workspace_id, Change.id > old.change
    )
    for kind, row_id, *owners in session.execute(log):
        noted[kind].append(row_id)
        found.update(owners)
    found.update(noted["entity"])
    mine = (table.workspace_id == workspace_id for table in (Entity, Asset, Triple))
    entities, assets, triples = mine
    found.update(session.scalars(select(Entity.id).where(entities, Entity.id > old.entity)))
    found.update(session.scalars(select(Asset.entity_id).where(assets, Asset.id > old.asset)))
    ends = select(Triple.subject_id, Triple.object_id)
    for pair in session.execute(ends.where(triples, Triple.id > old.triple)):
        found.update(pair)
    # Whose they are now.
    moved = listed(session, BigInteger, noted["asset"])
    found.update(session.scalars(select(Asset.entity_id).where(Asset.id.in_(moved))))
    for pair in session.execute(ends.where(Triple.id.in_(listed(session, BigInteger, noted["triple"])))):
        found.update(pair)
    return {one for one in found if one is not None}


def missing_entities(session: Session, release: Release) -> list[int]:
    """Ids of the live entities that the release's fused space does not hold yet, in order."""
    held = exists().where(Embedding.item_id == Entity.id, Embedding.space_id.in_(_fused(release)))
    query = select(Entity.id).where(
        Entity.workspace_id == release.workspace_id, Entity.deleted_at.is_(None), ~held
    )
    return list(session.scalars(query.order_by(Entity.id)))


def unowned_items(session: Session, release: Release) -> list[int]:
    """Ids that the release's fused space holds of entities that are deleted, in order."""
    alive = exists().where(Entity.id == Embedding.item_id, Entity.deleted_at.is_(None))
    query = select(Embedding.item_id).where(Embedding.space_id.in_(_fused(release)), ~alive)
    return list(session.scalars(query.order_by(Embedding.item_id)))


def behind(session: Session, release: Release) -> int | None:
    """How many entities the release has to catch up with; None: all, as nobody knows."""
    found = touched_since(session, release.workspace_id, marks_of(release))
    return None if found is None else len(found)


def kept_releases(session: Session, workspace_id: int, retain: int) -> list[Release]:
    """Releases that are kept in step beside the active one: those that a rollback goes to first, and those on trial.

    Args:
        session: To read with.
        workspace_id: Tenant.
        retain: How many earlier ones.
    """
    earlier = (
        select(Release)
        .where(
            Release.workspace_id == workspace_id,
            Release.state == "retired",
            Release.activated_at.is_not(None),
        )
        .order_by(Release.activated_at.desc())
        .limit(retain)
    )
    found = {row.id: row for row in session.scalars(earlier)}
    on_trial = select(ReleaseTrial.release_id).where(
        ReleaseTrial.workspace_id == workspace_id, ReleaseTrial.state == "open"
    )
    tried = select(Release).where(Release.id.in_(on_trial), Release.state.in_(("candidate", "retired")))
    return list((found | {row.id: row for row in session.scalars(tried)}).values())


def pending_from(session: Session, workspace_id: int) -> int | None:
    """The first asset that is not embedded yet; None: all are."""
    # By modality, as the index is.
    of_any = Asset.modality.in_(("text", "image", "audio"))
    waiting = Asset.workspace_id == workspace_id, of_any, Asset.state == "pending"
    return session.scalar(select(func.min(Asset.id)).where(*waiting))


def live_among(session: Session, entity_ids: Iterable[int]) -> set[int]:
    """Those that are not deleted."""
    these = listed(session, BigInteger, sorted(entity_ids))
    return set(session.scalars(select(Entity.id).where(Entity.id.in_(these), Entity.deleted_at.is_(None))))


def _fused(release: Release) -> Any:
    return select(ReleaseSpace.space_id).where(
        ReleaseSpace.release_id == release.id, ReleaseSpace.kind == "fused"
    )
