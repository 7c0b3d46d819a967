"""Fill a space with what it does not hold yet: the loop that builds, catches up and resumes alike."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np
import numpy.typing as npt
from sqlalchemy import BigInteger, Select, exists, func, select
from sqlalchemy.orm import Session, aliased

from chiasm.catalog.bulk import listed
from chiasm.catalog.models import Asset, Embedding, Entity, Release, Space
from chiasm.fusion.space_map import SpaceMap
from chiasm.ingest import embed_assets, fuse_entities, preload
from chiasm.jobs import Claim, WorkContext, advance
from chiasm.spaces import SpaceReader, remove_items, stands_on_mapped, write_segment
from chiasm.training import MadeVectors

__all__ = ["fill_assets", "fill_entities", "fill_mapped", "take_over"]

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float32]

_ASSETS = 256
_ENTITIES = 2000
#: Vectors that need no encoder any more, a segment each.
_MADE = 16_384


def fill_assets(
    ctx: WorkContext,
    claim: Claim,
    space: Space,
    modality: str,
    made: MadeVectors | None = None,
    *,
    of: Collection[int] | None = None,
) -> None:
    """Embed every asset of the modality that the space lacks, a segment a batch, each committed alone.

    Vectors that only stand in are lacking.

    Args:
        ctx: Of the unit.
        claim: Of the unit.
        space: To fill.
        modality: Of the assets.
        made: Vectors that the space's encoder made of some of them before.
        of: Only those of these entities.
    """
    if made is not None:
        take_over(ctx, claim, space, modality, made)
    after, done = 0, 0

    def lacking(session: Session, after: int) -> Select[int]:
        some = _lacking(space, modality, after)
        return (
            some if of is None else some.where(Asset.entity_id.in_(listed(session, BigInteger, sorted(of))))
        )

    with ctx.catalog.read() as session:
        total = session.scalar(select(func.count()).select_from(lacking(session, 0).subquery())) or 0
    while True:
        with ctx.catalog.read() as session:
            ids = list(session.scalars(lacking(session, after).limit(_ASSETS)))
        if not ids:
            return
        after = ids[-1]
        ctx.beat(done, total, f"embedding {modality}")
        held, vectors, _ = embed_assets(ctx, space, ids)
        _store(ctx, claim, space, held, vectors)
        done += len(ids)


def take_over(ctx: WorkContext, claim: Claim, space: Space, modality: str, made: MadeVectors) -> None:
    """Store the vectors of assets that the space's encoder made in training."""
    after = 0
    while True:
        with ctx.catalog.read() as session:
            ids = list(session.scalars(_lacking(space, modality, after).limit(_MADE)))
        if not ids:
            return
        after = ids[-1]
        held, vectors = made.of(np.asarray(ids, dtype=np.int64))
        _store(ctx, claim, space, held, vectors)


def fill_entities(
    ctx: WorkContext, claim: Claim, release: Release, space: Space, ids: Sequence[int]
) -> set[int]:
    """Fuse these entities into the release's space; those that had nothing to be fused from, which leave it."""
    bare: set[int] = set()
    with ctx.catalog.read() as session:
        mapped = stands_on_mapped(session, release.id)
    # A few entities look up their surroundings; many are cheaper with the whole graph in memory.
    loaded = preload(ctx, release) if len(ids) > _ENTITIES // 4 else None
    for start in range(0, len(ids), _ENTITIES):
        ctx.beat(start, len(ids), "fusing")
        some = np.asarray(ids[start : start + _ENTITIES], dtype=np.int64)
        held, vectors = fuse_entities(ctx, release, some, preloaded=loaded)
        without = np.setdiff1d(some, held)
        _store(ctx, claim, space, held, vectors, without, mapped=mapped)
        bare.update(without.tolist())
    return bare


def fill_mapped(ctx: WorkContext, claim: Claim, space: Space, old: Space, through: SpaceMap) -> int:
    """Let vectors of another space stand in for all that the space lacks, mapped; how many."""
    after, done = 0, 0
    reader = SpaceReader(ctx.catalog, ctx.settings.spaces_dir, old.id)
    while True:
        with ctx.catalog.read() as session:
            ids = list(session.scalars(_only_in(old, space, after).limit(_MADE)))
        if not ids:
            return done
        after = ids[-1]
        ctx.beat(done, done + len(ids), f"mapping {space.kind}")
        items = np.asarray(ids, dtype=np.int64)
        vectors = reader.vectors(items)
        there = np.isfinite(vectors).all(axis=1)
        _store(ctx, claim, space, items[there], through.apply(vectors[there]), mapped=True)
        done += int(there.sum())


def _store(
    ctx: WorkContext,
    claim: Claim,
    space: Space,
    ids: Ints,
    vectors: Floats,
    without: Ints | None = None,
    *,
    mapped: bool = False,
) -> None:
    """Make vectors of the space live; refused if the lease was lost: somebody else fills the space now."""
    pending = write_segment(
        ctx.catalog, ctx.settings.spaces_dir, space.id, ids, vectors, recall=ctx.settings.recall_target
    )
    with ctx.catalog.write() as session:
        pending.commit(session, _alive(session, space, ids), mapped=mapped)
        if without is not None:
            remove_items(session, [space.id], without)
        advance(session, claim, {})


def _alive(session: Session, space: Space, ids: Ints) -> set[int]:
    """Items that were not deleted meanwhile, nor will be before this transaction ends."""
    these = listed(session, BigInteger, ids.tolist())
    if space.kind == "fused":
        entities = select(Entity.id).where(Entity.id.in_(these), Entity.deleted_at.is_(None))
        return set(session.scalars(entities.order_by(Entity.id).with_for_update(read=True)))
    assets = select(Asset.id).where(Asset.id.in_(these))
    return set(session.scalars(assets.order_by(Asset.id).with_for_update(read=True)))


def _only_in(old: Space, new: Space, after: int) -> Select[int]:
    there = aliased(Embedding)
    held = exists().where(there.item_id == Embedding.item_id, there.space_id == new.id)
    return (
        select(Embedding.item_id)
        .where(Embedding.space_id == old.id, Embedding.item_id > after, ~held)
        .order_by(Embedding.item_id)
    )


def _lacking(space: Space, modality: str, after: int) -> Select[int]:
    held = exists().where(
        Embedding.item_id == Asset.id, Embedding.space_id == space.id, Embedding.mapped.is_(None)
    )
    return (
        select(Asset.id)
        .join(Entity, Entity.id == Asset.entity_id)
        .where(
            Asset.workspace_id == space.workspace_id,
            Asset.modality == modality,
            Asset.state != "failed",
            Asset.id > after,
            Entity.deleted_at.is_(None),
            ~held,
        )
        .order_by(Asset.id)
    )
