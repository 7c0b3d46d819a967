"""Vectors to be computed again: units of a repair job, made together with what they replace."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from sqlalchemy import exists, or_, select, update
from sqlalchemy.orm import Session

from chiasm.catalog.models import Asset, Entity, Failure, Job, Release, ReleaseSpace, Space, WorkUnit
from chiasm.jobs.queueing import OPEN_STATES
from chiasm.upkeep.site import Site

__all__ = ["batches", "drop_items", "embed_again", "fuse_again", "open_items", "repair_job"]

#: Items of one unit, and of one write transaction: it must stay short.
_UNIT, _BATCH = 256, 2048
#: Where a unit's payload says what its items are for, and the items.
_PAYLOAD = {"embed": ("space_id", "asset_ids"), "fuse": ("release_id", "entity_ids")}


def batches(items: Iterable[int], size: int = _BATCH) -> Iterator[list[int]]:
    """The items in lists that one short transaction takes, in order."""
    ids = sorted(items)
    for start in range(0, len(ids), size):
        yield ids[start : start + size]


def open_items(session: Session, kind: str, *, dead: bool = False) -> set[tuple[int, int]]:
    """What open units will see to: (space, asset) of `embed` units, (release, entity) of `fuse` units.

    Args:
        session: To read with.
        kind: Of the units.
        dead: Also those of dead letters that nobody has replayed yet: `chiasm jobs retry` is for these.
    """
    letter = exists().where(Failure.unit_id == WorkUnit.id, Failure.replayed_at.is_(None))
    buried = (WorkUnit.state == "failed") & letter
    wanted = or_(WorkUnit.state.in_(OPEN_STATES), buried) if dead else WorkUnit.state.in_(OPEN_STATES)
    payloads = session.scalars(select(WorkUnit.payload).where(WorkUnit.kind == kind, wanted))
    owner, name = _PAYLOAD[kind]
    return {(payload[owner], item) for payload in payloads for item in payload[name]}


def embed_again(
    site: Site, workspace_id: int, space_id: int, asset_ids: Iterable[int], *, state: str | None = None
) -> int:
    """Have assets embedded into a space; how many. The job is noted at the site.

    Args:
        site: Whose catalog.
        workspace_id: Tenant.
        space_id: Where they belong.
        asset_ids: The assets.
        state: Their state from now on; None leaves it.
    """
    count = 0
    for some in batches(asset_ids):
        with site.catalog.write() as session:
            if state is not None:
                session.execute(update(Asset).where(Asset.id.in_(some)).values(state=state, error=None))
            _add(site, session, workspace_id, "embed", {"space_id": space_id}, some)
        count += len(some)
    return count


def fuse_again(site: Site, workspace_id: int, release_id: int, entity_ids: Iterable[int]) -> int:
    """Have entities fused for a release; how many."""
    count = 0
    for some in batches(entity_ids):
        with site.catalog.write() as session:
            _add(site, session, workspace_id, "fuse", {"release_id": release_id}, some)
        count += len(some)
    return count


def drop_items(site: Site, space: Space, item_ids: Iterable[int]) -> int:
    """Take vectors that cannot be used out of a space and have them computed again; how many.

    Both happen in one transaction a batch: an interrupted repair leaves nothing that nobody would come for.
    """
    from chiasm.spaces import remove_items

    count = 0
    for some in batches(item_ids):
        with site.catalog.write() as session:
            remove_items(session, [space.id], some)
            _replace(site, session, space, some)
        count += len(some)
    return count


def _replace(site: Site, session: Session, space: Space, items: Sequence[int]) -> None:
    if space.kind in {"text", "image", "audio"}:
        there = session.scalars(select(Asset.id).where(Asset.id.in_(items), Asset.modality == space.kind))
        if space.encoder is not None:
            embed = {"space_id": space.id}
            _add(site, session, space.workspace_id, "embed", embed, there.all())
        return
    alive = session.scalars(select(Entity.id).where(Entity.id.in_(items), Entity.deleted_at.is_(None))).all()
    answering = (
        select(Release.id)
        .join(ReleaseSpace, ReleaseSpace.release_id == Release.id)
        .where(ReleaseSpace.space_id == space.id, ReleaseSpace.kind == "fused")
        .where(Release.state.in_(("active", "candidate", "retired")))
    )
    for release_id in session.scalars(answering.limit(1)):
        _add(site, session, space.workspace_id, "fuse", {"release_id": release_id}, alive)


def _add(
    site: Site,
    session: Session,
    workspace_id: int,
    kind: str,
    payload: dict[str, Any],
    items: Sequence[int],
) -> None:
    from chiasm.jobs import add_units

    if not items:
        return
    job = repair_job(site, session, workspace_id)
    add_units(session, job, kind, [{**payload, _PAYLOAD[kind][1]: part} for part in batches(items, _UNIT)])


def repair_job(site: Site, session: Session, workspace_id: int) -> Job:
    """The one job of this examination that computes a workspace's vectors again."""
    from chiasm.jobs import create_job

    job = session.get(Job, site.job_of[workspace_id]) if workspace_id in site.job_of else None
    if job is None:
        job = create_job(session, workspace_id, "repair", {})
    site.job_of[workspace_id] = job.id
    return job
