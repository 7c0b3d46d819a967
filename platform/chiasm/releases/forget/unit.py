"""The `forget` unit: files are cleared of what the catalog holds no more, then the receipt is closed."""

from __future__ import annotations

import time
from collections.abc import Sequence

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from chiasm import jobs
from chiasm.catalog.aliases import is_named
from chiasm.catalog.models import Fingerprint, ForgetReceipt, Segment, Space, WorkUnit
from chiasm.catalog.scrubbing import scrub
from chiasm.jobs import Claim, WorkContext
from chiasm.releases.forget.receipts import note
from chiasm.releases.forget.traces import clear_releases
from chiasm.search.kept import clear_replicas

__all__ = ["forget_unit"]

#: Units that may hold what was deleted in memory, and write it to a segment when they end.
_WRITERS = ("embed", "fuse")
_LOOK_EVERY_S = 0.2
_MAX_WAIT_S = 900.0


def forget_unit(ctx: WorkContext, claim: Claim) -> None:
    """Rewrite segments, delete blobs and scratch copies, overwrite free pages; each step may be repeated."""
    receipt_id = claim.payload["receipt_id"]
    with ctx.catalog.read() as session:
        receipt = session.get_one(ForgetReceipt, receipt_id)
    _await_writers(ctx, claim)
    _purge_spaces(ctx, claim, receipt_id)
    _delete_blobs(ctx, receipt)
    ctx.beat(stage="clearing releases")
    hashes = {entity["key_sha256"] for entity in receipt.body["entities"]}
    counts, remaining = clear_releases(ctx.settings, ctx.catalog, claim.workspace_id, hashes)
    with ctx.catalog.write() as session:
        note(session, receipt_id, dict(+counts), remaining)
    # After the catalog: whoever wrote one from before sees that the workspace has changed, and removes it.
    clear_replicas(ctx.settings.home)
    ctx.beat(stage="overwriting free pages")
    remaining = scrub(ctx.catalog)
    with ctx.catalog.write() as session:
        row = note(session, receipt_id, {}, remaining)
        row.state, row.finished_at = "done", time.time()
        jobs.finish(session, claim, {"forgotten": len(receipt.body["entities"])})


def _await_writers(ctx: WorkContext, claim: Claim) -> None:
    """Wait for the units that began before the deletion; what begins later does not find the entity."""
    begun = (
        select(func.count())
        .select_from(WorkUnit)
        .where(
            WorkUnit.workspace_id == claim.workspace_id,
            WorkUnit.kind.in_(_WRITERS),
            WorkUnit.state == "leased",
            WorkUnit.id != claim.unit_id,
        )
    )
    until = time.monotonic() + _MAX_WAIT_S
    while time.monotonic() < until:
        with ctx.catalog.read() as session:
            if not session.scalar(begun):
                return
        # One whose worker is gone is not ended by anybody else while this lane is busy.
        jobs.sweep(ctx.catalog)
        ctx.beat(stage="waiting for others")
        time.sleep(_LOOK_EVERY_S)


def _purge_spaces(ctx: WorkContext, claim: Claim, receipt_id: int) -> None:
    from chiasm.spaces.purge import purge_dead

    with ctx.catalog.read() as session:
        mine = select(Space.id).where(Space.workspace_id == claim.workspace_id)
        space_ids = session.scalars(mine.order_by(Space.id)).all()
    for number, space_id in enumerate(space_ids):
        ctx.beat(number, len(space_ids), "rewriting segments")
        purged = purge_dead(
            ctx.catalog, ctx.settings.spaces_dir, space_id, ctx.beat, recall=ctx.settings.recall_target
        )
        with ctx.catalog.write() as session:
            note(session, receipt_id, {"segments": purged.segments, "vectors": purged.rows}, [])
    remaining = []
    if not _await_collection(ctx, space_ids):
        remaining.append("segments that a backup still copies; they are collected after it")
    if _segments(ctx, space_ids, "intent"):
        remaining.append("segments that a lost worker began; they are collected in hours")
    with ctx.catalog.write() as session:
        note(session, receipt_id, {}, remaining)


def _await_collection(ctx: WorkContext, space_ids: Sequence[int]) -> bool:
    """Whether the files of all segments that were given up are gone; a backup keeps them for a while."""
    from chiasm.spaces import collect

    until = time.monotonic() + _MAX_WAIT_S
    while _segments(ctx, space_ids, "retired"):
        if time.monotonic() > until:
            return False
        ctx.beat(stage="waiting for a backup")
        time.sleep(_LOOK_EVERY_S)
        for space_id in space_ids:
            collect(ctx.catalog, ctx.settings.spaces_dir, space_id)
    return True


def _segments(ctx: WorkContext, space_ids: Sequence[int], state: str) -> int:
    chosen = select(func.count()).select_from(Segment).where(Segment.space_id.in_(space_ids))
    with ctx.catalog.read() as session:
        return session.scalar(chosen.where(Segment.state == state)) or 0


def _delete_blobs(ctx: WorkContext, receipt: ForgetReceipt) -> None:
    hashes = {
        asset["sha256"]
        for entity in receipt.body["entities"]
        for asset in entity["assets"]
        if asset["modality"] != "text"
    }
    for sha256 in sorted(hashes):
        # In the write transaction: on SQLite nobody can begin to name the blob meanwhile.
        with ctx.catalog.write() as session:
            named = is_named(session, sha256)
            _forget_fingerprints(session, receipt.workspace_id, sha256)
            gone = not named and ctx.blobs.has(sha256)
            if gone:
                ctx.blobs.delete(sha256)
            note(session, receipt.id, {"blobs": int(gone), "blobs_shared": int(named)}, [])


def _forget_fingerprints(session: Session, workspace_id: int, sha256: str) -> None:
    # Of content that others have too, it is made again when it is needed.
    gone = delete(Fingerprint).where(Fingerprint.workspace_id == workspace_id, Fingerprint.sha256 == sha256)
    session.execute(gone, execution_options={"synchronize_session": False})
