"""The `read` unit: a source into the catalog, batch by batch, with the units that follow."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.orm import Session

from chiasm.catalog.models import Failure, Job, Workspace
from chiasm.errors import ConflictError
from chiasm.ingest.ahead import ahead
from chiasm.ingest.failures import FailedPart
from chiasm.ingest.gather import Gathered, gather, source_of
from chiasm.ingest.refresh import ask_refresh
from chiasm.ingest.targets import current_spaces
from chiasm.ingest.task import ReadTask
from chiasm.ingest.units import add_fuse_units, parts
from chiasm.ingest.write import Effects, Met, Targets, write_batch
from chiasm.ingest.write.entities import entity_hashes
from chiasm.jobs import Claim, WorkContext, add_units, advance, finish, record_failure

__all__ = ["read_unit"]


def read_unit(ctx: WorkContext, claim: Claim) -> None:
    """Read the unit's source from its cursor to its end.

    Each batch is one transaction: entities, assets, triples, failures, the units that embed and fuse, and the
    cursor. Media go to the blob store before it.
    """
    task = ReadTask.from_payload(claim.payload)
    source = source_of(task, blobs=ctx.blobs, allow_urls=ctx.settings.allow_urls)
    total = task.total()
    ctx.beat(int(claim.cursor.get("line", 0)), total, "reading")
    with ctx.catalog.read() as session:
        asked_at = session.get_one(Job, claim.job_id).created_at
    with closing(ahead(gather(task, task.rows(claim.cursor), source))) as batches:
        met = Met()
        for gathered in batches:
            _write(ctx, claim, task, gathered, total, asked_at, met)
            ctx.beat(gathered.line, total, "reading")
    with ctx.catalog.write() as session:
        finish(session, claim)
    _clear_spool(ctx, claim, task)


def _write(
    ctx: WorkContext,
    claim: Claim,
    task: ReadTask,
    gathered: Gathered,
    total: int | None,
    asked_at: float,
    met: Met,
) -> None:
    rows = len(gathered.batch)
    unchanged = _drop_unchanged(ctx, claim, gathered)
    targets = _targets(ctx, claim) if len(gathered.batch) else Targets()
    media = _store_media(ctx, gathered)
    with ctx.catalog.change(claim.workspace_id) as session:
        if len(gathered.batch) and not _still(session, claim, targets):
            # Another release was swapped in; nobody does that before this transaction ends.
            targets = _targets(ctx, claim)
        effects = Effects()
        workspace = select(Workspace.revision).where(Workspace.id == claim.workspace_id)
        before = after = session.scalar(workspace)
        ids = met.still(before)
        if len(gathered.batch):
            effects = write_batch(
                session,
                claim.workspace_id,
                gathered.batch,
                targets,
                replace=task.mode == "replace",
                asked_at=asked_at,
                met=ids,
            )
        _check_media(ctx, media)
        _add_units(session, claim, effects, targets)
        # Not to be replayed as it is: its writer has to look again.
        conflicts = [FailedPart(error, p.where, p.record.key) for p, error in effects.conflicts]
        failed = [*gathered.failed, *conflicts]
        _record_failures(session, claim, failed)
        if effects.changed:
            after = ctx.catalog.bump_revision(session, claim.workspace_id)
        counts = Counter(effects.counts)
        counts["unchanged"] += unchanged
        counts["rows"] += rows + len({part.where for part in gathered.failed if part.key is None})
        counts["failed"] += len(failed)
        cursor = {"line": gathered.line, "offset": gathered.offset}
        advance(session, claim, cursor, done=gathered.line, total=total, result=dict(+counts))
    # Committed: only now are ids of what was made right; and only if nobody (PostgreSQL) came between.
    met.revision = after if after in (before, (before or 0) + 1) else None


def _drop_unchanged(ctx: WorkContext, claim: Claim, gathered: Gathered) -> int:
    """Leave out records that are in the catalog as they are; how many. No write lock is taken for it."""
    if not gathered.batch.records:
        return 0
    times = Counter(prepared.record.key for prepared in gathered.batch.records)
    with ctx.catalog.read() as session:
        hashes = entity_hashes(session, claim.workspace_id, list(times))
    kept = [
        prepared
        for prepared in gathered.batch.records
        # Of a key that comes more than once, each line counts.
        if prepared.broken
        or times[prepared.record.key] > 1
        or hashes.get(prepared.record.key) != prepared.record_hash
    ]
    dropped = len(gathered.batch.records) - len(kept)
    gathered.batch.records = kept
    return dropped


def _targets(ctx: WorkContext, claim: Claim) -> Targets:
    spaces = current_spaces(ctx, claim.workspace_id)
    with ctx.catalog.read() as session:
        release_id = session.get_one(Workspace, claim.workspace_id).active_release_id
    return Targets({modality: space.id for modality, space in spaces.items()}, release_id)


def _still(session: Session, claim: Claim, targets: Targets) -> bool:
    """Whether the release that the targets are of still answers."""
    active = select(Workspace.active_release_id).where(Workspace.id == claim.workspace_id)
    return session.scalar(active) == targets.release_id


def _check_media(ctx: WorkContext, media: Sequence[str]) -> None:
    """Refuse to name a blob that was forgotten with another entity since it was put; the batch is tried again."""
    lost = ctx.blobs.lost(media)
    if lost:
        raise ConflictError(
            f"{len(lost)} media were removed by somebody else at this moment",
            where=lost[0],
            remedy="it is tried again",
        )


def _store_media(ctx: WorkContext, gathered: Gathered) -> list[str]:
    """Addresses of the batch's media, which are in the blob store now."""
    items = [item for one in gathered.batch.records for items in one.media.values() for item in items]
    addresses = ctx.blobs.put_many([item.data for item in items if item.data is not None])
    for item in items:
        item.data = None
    return addresses


def _add_units(session: Session, claim: Claim, effects: Effects, targets: Targets) -> None:
    for modality, assets in sorted(effects.pending.items()):
        space_id = targets.spaces[modality]
        payloads = [{"space_id": space_id, "asset_ids": ids} for ids in parts(assets, modality)]
        add_units(session, claim.job_id, "embed", payloads)
    ready = effects.touched - effects.waiting
    if targets.release_id is not None and ready:
        add_fuse_units(session, claim.job_id, targets.release_id, ready)
        ask_refresh(session, claim.workspace_id, claim.job_id, targets.release_id, ready)


def _record_failures(session: Session, claim: Claim, failed: Sequence[FailedPart]) -> None:
    for part in failed:
        record_failure(session, claim, part.error, where=part.where, key=part.key, replay=part.replay)


def _clear_spool(ctx: WorkContext, claim: Claim, task: ReadTask) -> None:
    """Remove the written-out records of an upload, unless something of them may be replayed from there."""
    if not task.uploaded or task.path is None or task.only_line is not None:
        return
    with ctx.catalog.read() as session:
        failed = session.scalar(select(Failure.id).where(Failure.unit_id == claim.unit_id).limit(1))
    if failed is None:
        Path(task.path).unlink(missing_ok=True)
