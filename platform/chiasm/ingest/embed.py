"""The `embed` unit: assets of one space, decoded, encoded, and live together with what says so."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
from sqlalchemy import BigInteger, select, update
from sqlalchemy.orm import Session

from chiasm.catalog.bulk import listed
from chiasm.catalog.models import Asset, Embedding, Entity, ReleaseSpace, Space, Triple, table_of
from chiasm.errors import ChiasmError, DamagedError, MediaError, NotFoundError, translated
from chiasm.ingest.refresh import ask_refresh
from chiasm.ingest.targets import active_release
from chiasm.ingest.units import add_fuse_units
from chiasm.jobs import Claim, WorkContext, add_units, finish, record_failure

__all__ = ["embed_assets", "embed_unit"]

_ASSET = table_of(Asset)
#: Encoders look at a few hundred pixels; more need not travel between processes.
_MAX_SIDE = 1024
#: Media decoded at a time: pictures at full size are the largest thing held.
_MEDIA_BATCH = 32
#: Neighbours that are fused again with the entities of one unit.
_MAX_NEIGHBOURS = 1024


class _Row(NamedTuple):
    id: int
    workspace_id: int
    entity_id: int
    modality: str
    sha256: str
    value: str | None
    source: str | None


@dataclass
class _Encoded:
    ids: list[int] = field(default_factory=list)
    vectors: list[np.ndarray] = field(default_factory=list)
    failed: list[tuple[_Row, ChiasmError]] = field(default_factory=list)

    def arrays(self, dim: int) -> tuple[np.ndarray, np.ndarray]:
        """Ids (n,) int64 and vectors (n, dim)."""
        vectors = np.concatenate(self.vectors) if self.vectors else np.zeros((0, dim), np.float32)
        return np.asarray(self.ids, dtype=np.int64), vectors


def embed_assets(
    ctx: WorkContext, space: Space, asset_ids: Sequence[int]
) -> tuple[np.ndarray, np.ndarray, dict[int, ChiasmError]]:
    """Vectors of assets for a space; nothing is written.

    Args:
        ctx: Blobs, decoder and models.
        space: Whose encoder is used.
        asset_ids: Assets of the space's modality.

    Returns:
        Ids (m,) and vectors (m, dim) of those that could be encoded, and why the others could not.
    """
    with ctx.catalog.read() as session:
        rows = _rows(session, asset_ids)
    done = _encode_all(ctx, space, rows, beats=False)
    return *done.arrays(space.dim), {row.id: error for row, error in done.failed}


def _encode_all(ctx: WorkContext, space: Space, rows: list[_Row], *, beats: bool) -> _Encoded:
    done = _Encoded()
    if rows:
        encoder = ctx.models.encoder(space.encoder or "", space.stamp)
        size = len(rows) if space.kind == "text" else _MEDIA_BATCH
        for start in range(0, len(rows), size):
            if beats:
                ctx.beat(start, len(rows), f"embedding {space.kind}")
            _encode(ctx, encoder, rows[start : start + size], done)
    return done


def embed_unit(ctx: WorkContext, claim: Claim) -> None:
    """Embed the unit's assets into its space; entities that are complete then are fused anew.

    An asset that cannot be decoded or encoded fails alone. Assets deleted meanwhile, or embedded already by
    an earlier try, are passed over.
    """
    from chiasm.spaces import write_segment

    space, rows = _wanted(ctx, claim)
    done = _encode_all(ctx, space, rows, beats=True)
    ids, vectors = done.arrays(space.dim)
    segment = write_segment(
        ctx.catalog, ctx.settings.spaces_dir, space.id, ids, vectors, recall=ctx.settings.recall_target
    )
    with ctx.catalog.write() as session:
        owners = _owners(session, rows)
        alive = set(owners)
        segment.commit(session, alive)
        _set_states(session, claim, done, alive)
        _embed_for_active(session, claim, space, [one for one in done.ids if one in alive])
        # Also those that they went over to meanwhile (a merge).
        _fuse_after(session, claim, {row.entity_id for row in rows} | set(owners.values()))
        finish(session, claim, {"embedded": len(alive.intersection(done.ids)), "failed": len(done.failed)})


def _wanted(ctx: WorkContext, claim: Claim) -> tuple[Space, list[_Row]]:
    space_id, asset_ids = claim.payload["space_id"], claim.payload["asset_ids"]
    with ctx.catalog.read() as session:
        space = session.get(Space, space_id)
        if space is None:
            raise NotFoundError("no such space", where=f"space {space_id}", remedy="ingest the records again")
        these = listed(session, BigInteger, asset_ids)
        live = select(Embedding.item_id).where(
            Embedding.space_id == space_id, Embedding.item_id.in_(these), Embedding.mapped.is_(None)
        )
        done = set(session.scalars(live))
        found = _rows(session, asset_ids)
    mine = (space.workspace_id, space.kind)
    return space, [row for row in found if (row.workspace_id, row.modality) == mine and row.id not in done]


def _rows(session: Session, asset_ids: Sequence[int]) -> list[_Row]:
    """Assets by id alone: with workspace and modality in it SQLite goes through all assets of that modality."""
    columns = (_ASSET.c[name] for name in _Row._fields)
    these = listed(session, BigInteger, asset_ids)
    statement = select(*columns).where(_ASSET.c.id.in_(these)).order_by(_ASSET.c.id)
    return [_Row(*row) for row in session.execute(statement)]


def _encode(ctx: WorkContext, encoder: Any, rows: Sequence[_Row], done: _Encoded) -> None:
    items, kept = [], []
    for row, item in zip(rows, _decoded(ctx, rows), strict=True):
        if isinstance(item, ChiasmError):
            done.failed.append((row, item))
        else:
            items.append(item)
            kept.append(row)
    if not items:
        return
    try:
        vectors = _vectors(encoder, items)
    except ChiasmError:
        # One of them is the reason; alone it shows.
        for row, item in zip(kept, items, strict=True):
            try:
                done.vectors.append(_vectors(encoder, [item]))
            except ChiasmError as error:
                done.failed.append((row, error))
            else:
                done.ids.append(row.id)
        return
    done.vectors.append(vectors)
    done.ids.extend(row.id for row in kept)


def _vectors(encoder: Any, items: list[Any]) -> np.ndarray:
    with translated():
        vectors: np.ndarray = encoder.encode(items)
    length = np.linalg.norm(vectors, axis=1)
    if not np.isfinite(length).all() or not length.all():
        raise MediaError("the encoder gives no vector for it", remedy="replace the content")
    return vectors


def _decoded(ctx: WorkContext, rows: Sequence[_Row]) -> list[Any]:
    """What the encoder takes of each row, or why it cannot be had."""
    if rows[0].modality == "text":
        return [row.value for row in rows]
    contents: list[bytes | ChiasmError] = []
    for row in rows:
        try:
            contents.append(ctx.blobs.get(row.sha256))
        except (NotFoundError, DamagedError) as error:
            contents.append(error)
    there = [content for content in contents if isinstance(content, bytes)]
    if rows[0].modality == "image":
        answers: list[Any] = list(ctx.decoder.decode_images(there, max_side=_MAX_SIDE))
    else:
        answers = list(ctx.decoder.decode_audios(there))
    decoded = iter(answers)
    return [content if isinstance(content, ChiasmError) else next(decoded) for content in contents]


def _owners(session: Session, rows: Sequence[_Row]) -> dict[int, int]:
    """Entity of each that was not deleted while it was being encoded, nor will be before this transaction ends."""
    these = listed(session, BigInteger, [row.id for row in rows])
    mine = select(Asset.id, Asset.entity_id).where(Asset.id.in_(these))
    return dict(session.execute(mine.order_by(Asset.id).with_for_update(read=True)).all())


def _set_states(session: Session, claim: Claim, done: _Encoded, alive: set[int]) -> None:
    these = listed(session, BigInteger, [one for one in done.ids if one in alive])
    session.connection().execute(
        update(_ASSET).where(_ASSET.c.id.in_(these)).values(state="embedded", error=None)
    )
    keys = dict(
        session.execute(
            select(Entity.id, Entity.key).where(Entity.id.in_({row.entity_id for row, _ in done.failed}))
        ).all()
    )
    for row, error in done.failed:
        if row.id not in alive:
            continue
        session.execute(update(Asset).where(Asset.id == row.id).values(state="failed", error=error.what))
        where = error.where or row.source or f"asset {row.id}"
        payload = {"space_id": claim.payload["space_id"], "asset_ids": [row.id]}
        replay = {"kind": "embed", "payload": payload}
        record_failure(session, claim, error, where=where, key=keys.get(row.entity_id), replay=replay)


def _embed_for_active(session: Session, claim: Claim, space: Space, asset_ids: Sequence[int]) -> None:
    """Have assets embedded for the release that answers, too, where it was swapped in since this was asked for."""
    release = active_release(session, claim.workspace_id)
    if release is None or not asset_ids:
        return
    theirs = select(ReleaseSpace.space_id).where(
        ReleaseSpace.release_id == release.id, ReleaseSpace.kind == space.kind
    )
    other = session.scalar(theirs)
    if other is None or other == space.id:
        return
    held = select(Embedding.item_id).where(
        Embedding.space_id == other, Embedding.item_id.in_(listed(session, BigInteger, asset_ids))
    )
    lacking = sorted(set(asset_ids) - set(session.scalars(held)))
    if lacking:
        add_units(session, claim.job_id, "embed", [{"space_id": other, "asset_ids": lacking}])


def _fuse_after(session: Session, claim: Claim, entity_ids: set[int]) -> None:
    """Fuse the entities that wait for nothing more, and their neighbours, whose graph tokens they shape."""
    release = active_release(session, claim.workspace_id)
    if release is None or not entity_ids:
        return
    # Two units may finish an entity's last assets at once (PostgreSQL): by the row lock one of them sees it.
    session.execute(
        select(Entity.id).where(Entity.id.in_(entity_ids)).order_by(Entity.id).with_for_update()
    ).all()
    waiting = select(Asset.entity_id).where(Asset.entity_id.in_(entity_ids), Asset.state == "pending")
    complete = entity_ids - set(session.scalars(waiting))
    if not complete:
        return
    out = select(Triple.object_id).where(Triple.subject_id.in_(complete), Triple.object_id.is_not(None))
    into = select(Triple.subject_id).where(Triple.object_id.in_(complete))
    near = set(session.scalars(out.limit(_MAX_NEIGHBOURS))) | set(
        session.scalars(into.limit(_MAX_NEIGHBOURS))
    )
    add_fuse_units(session, claim.job_id, release.id, complete | {i for i in near if i is not None})
    ask_refresh(session, claim.workspace_id, claim.job_id, release.id, complete)
