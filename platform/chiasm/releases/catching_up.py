"""Catch up: whatever a release's vectors are not right for is made anew, until nothing is left of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from sqlalchemy import Select, exists, select, update

from chiasm.catalog.models import Embedding, Entity, Release, ReleaseSpace, Space
from chiasm.ingest import neighbourhood
from chiasm.jobs import Claim, WorkContext
from chiasm.releases.fill import fill_assets, fill_entities
from chiasm.releases.following import (
    Marks,
    live_among,
    marks_now,
    marks_of,
    missing_entities,
    touched_since,
    unowned_items,
)
from chiasm.spaces import remove_items

__all__ = ["CaughtUp", "begin", "catch_up", "spaces_of"]

#: Rounds of one call; each is shorter than the one before, unless more comes in than can be worked off.
_MOST_ROUNDS = 8
_MOST_NAMED = 5000


@dataclass
class CaughtUp:
    """Where it ended."""

    marks: Marks
    #: Entities that have nothing to be fused from.
    bare: set[int] = field(default_factory=set)


def spaces_of(ctx: WorkContext, release_id: int) -> dict[str, Space]:
    """The release's spaces by kind."""
    with ctx.catalog.read() as session:
        rows = session.execute(
            select(ReleaseSpace.kind, Space)
            .join(Space, Space.id == ReleaseSpace.space_id)
            .where(ReleaseSpace.release_id == release_id)
        )
        return dict(list(rows))


def begin(ctx: WorkContext, release: Release, fused: Space) -> None:
    """Note the marks of now for a release whose space is empty: whatever comes later is found by them.

    A space that holds something already, of a release of equal weights, may be of any age: no marks, all is made anew.
    """
    with ctx.catalog.change(release.workspace_id) as session:
        row = session.get_one(Release, release.id)
        held = session.scalar(select(exists().where(Embedding.space_id == fused.id)))
        if row.followed is None and not held:
            row.followed = marks_now(session, release.workspace_id).to_dict()


def catch_up(
    ctx: WorkContext,
    claim: Claim,
    release: Release,
    spaces: Mapping[str, Space],
    *,
    missing: bool = False,
    bare: set[int] | None = None,
) -> CaughtUp:
    """Bring all vectors of a release up to the present.

    The marks are taken before anything is read, so what changes during a round is found by the next one.

    Args:
        ctx: Of the unit.
        claim: Of the unit.
        release: Which one.
        spaces: Its spaces by kind.
        missing: Also look for entities that have no vector at all, whatever the log says.
        bare: Known to have nothing to be fused from.

    Raises:
        ChiasmError: A model or a segment is damaged.
    """
    known = set(bare or ())
    for number in range(_MOST_ROUNDS):
        with ctx.catalog.change(release.workspace_id) as session:
            now = marks_now(session, release.workspace_id)
        with ctx.catalog.read() as session:
            old = marks_of(session.get_one(Release, release.id))
            touched = touched_since(session, release.workspace_id, old)
            lacking = set(missing_entities(session, release)) if missing or touched is None else set()
            everybody = _everybody(release) if touched is None else None
            wanted = (set(session.scalars(everybody)) if everybody is not None else touched) or set()
        known -= wanted
        left = wanted | (lacking - known)
        if left:
            known |= _make(ctx, claim, release, spaces, left, near=touched is not None and bool(wanted))
        with ctx.catalog.write() as session:
            if unowned := unowned_items(session, release) if missing and not number else []:
                remove_items(session, [spaces["fused"].id], unowned)
            session.execute(update(Release).where(Release.id == release.id).values(followed=now.to_dict()))
        if not left:
            break
    return CaughtUp(now, known)


def _everybody(release: Release) -> Select[int]:
    return select(Entity.id).where(Entity.workspace_id == release.workspace_id, Entity.deleted_at.is_(None))


def _make(
    ctx: WorkContext,
    claim: Claim,
    release: Release,
    spaces: Mapping[str, Space],
    entity_ids: set[int],
    *,
    near: bool,
) -> set[int]:
    """Embed what these entities lack, fuse them and, within the budget, what stands around; those that are bare."""
    # A list of so many would be read again for each batch: then all assets are looked through once.
    of = entity_ids if len(entity_ids) <= _MOST_NAMED else None
    for modality, space in spaces.items():
        if modality != "fused" and space.encoder is not None:
            fill_assets(ctx, claim, space, modality, of=of)
    chosen = set(entity_ids)
    if near:
        model = ctx.models.fusion(release.folder)
        around = neighbourhood(ctx, release, np.array(sorted(entity_ids), dtype=np.int64), model)
        chosen |= set(around.tolist())
    with ctx.catalog.read() as session:
        alive = live_among(session, chosen)
    return fill_entities(ctx, claim, release, spaces["fused"], sorted(alive))
