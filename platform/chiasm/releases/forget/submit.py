"""Asking to forget: deleted in one transaction, with the receipt and the job that clears the files."""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Sequence
from typing import Any, NamedTuple

from sqlalchemy import select
from sqlalchemy.orm import Session

from chiasm.catalog import Catalog
from chiasm.catalog.models import Asset, Entity, ForgetReceipt, Release, Workspace, WorkUnit
from chiasm.catalog.scrubbing import overwrite_deleted
from chiasm.duplicates import take_apart
from chiasm.errors import UsageError
from chiasm.ingest.delete import find_doomed, remove_entities
from chiasm.ingest.units import add_fuse_units
from chiasm.jobs import add_units, create_job, wake
from chiasm.jobs.queueing import OPEN_STATES
from chiasm.releases.feedback import forget_feedback
from chiasm.releases.forget.files import clear_files
from chiasm.releases.forget.marks import Marks, key_hash
from chiasm.releases.forget.receipts import REMAINS
from chiasm.releases.forget.records import find_quotes, remove_quotes
from chiasm.settings import Settings

__all__ = ["Asked", "submit_forget"]

#: Of one receipt: they go in one transaction.
_MAX_KEYS = 200
#: After the units that fuse the neighbours anew, whose old vectors still know the entity.
_LATER = 200
_STILL_TO_READ = (
    "an ingest that was accepted before and is not done may bring it in again: look when it is done"
)


class Asked(NamedTuple):
    """A receipt, and the job that completes it."""

    receipt_id: int
    job_id: int


def submit_forget(
    settings: Settings,
    catalog: Catalog,
    workspace_id: int,
    keys: Sequence[str],
    *,
    reason: str | None = None,
) -> Asked:
    """Delete entities for good; from here on no search finds them, and nothing can bring them back.

    What was deleted before can be forgotten too: its key and the vectors that files still hold. What was merged into
    an entity is forgotten with it; of an entity that was itself merged, only what came from it.

    Args:
        settings: The home.
        catalog: Its catalog.
        workspace_id: Tenant.
        keys: Entities.
        reason: Why, for the receipt.

    Raises:
        NotFoundError: There is no such entity; nothing is forgotten then.
        UsageError: Too many at once, or none.
    """
    wanted = list(dict.fromkeys(keys))
    if not 0 < len(wanted) <= _MAX_KEYS:
        raise UsageError(f"{len(wanted)} keys", where="forget", remedy=f"name 1 to {_MAX_KEYS} at a time")
    with catalog.read() as session:
        for key in wanted:
            find_doomed(session, workspace_id, key)
    # What was merged into an entity is part of it; what it was merged into is not.
    wanted += take_apart(settings, catalog, workspace_id, wanted)
    with catalog.read() as session:
        entities = [find_doomed(session, workspace_id, key) for key in wanted]
        marks = Marks.of(session, entities)
        quotes = find_quotes(session, workspace_id, marks)
        open_paths = _open_paths(session, workspace_id)
    remaining = [_STILL_TO_READ] if open_paths else []
    # Files first: if this ends half way, the entities are there, and forgetting them again does the rest.
    counts, stays = clear_files(settings, marks, open_paths)
    with catalog.change(workspace_id) as session:
        overwrite_deleted(session)
        entities = [find_doomed(session, workspace_id, key) for key in wanted]
        body: dict[str, Any] = {
            "entities": [_described(session, entity) for entity in entities],
            "releases": _trained_on(session, workspace_id, entities),
            "counts": {},
            "remaining": [*REMAINS, *remaining, *stays],
        }
        receipt = ForgetReceipt(workspace_id=workspace_id, reason=reason, body=body)
        session.add(receipt)
        session.flush()
        counts["records_of_work"] += len(quotes)
        remove_quotes(session, quotes, f"forgotten (receipt {receipt.id})")
        counts["feedback"] += forget_feedback(
            session, workspace_id, [entity.id for entity in entities], marks
        )
        job_id = _remove(session, receipt, entities, counts)
        catalog.bump_revision(session, workspace_id)
        receipt.job_id = job_id
        receipt.body = {**body, "counts": dict(+counts)}
        asked = Asked(receipt.id, job_id)
    wake(settings, "ingest")
    return asked


def _remove(
    session: Session, receipt: ForgetReceipt, entities: Sequence[Entity], counts: Counter[str]
) -> int:
    removed = remove_entities(session, receipt.workspace_id, [entity.id for entity in entities])
    counts.update(entities=removed.entities, assets=removed.assets, statements=removed.statements)
    for entity in entities:
        # The row stays, as vectors in the making know its number; its name does not.
        entity.key = f"forgotten:{uuid.uuid4().hex}"
    job = create_job(session, receipt.workspace_id, "forget", {"receipt": receipt.id})
    release_id = session.get_one(Workspace, receipt.workspace_id).active_release_id
    if release_id is not None and removed.near:
        add_fuse_units(session, job.id, release_id, removed.near)
    add_units(session, job, "forget", [{"receipt_id": receipt.id}], priority=_LATER)
    return job.id


def _described(session: Session, entity: Entity) -> dict[str, Any]:
    assets = session.execute(
        select(Asset.modality, Asset.sha256, Asset.size_bytes)
        .where(Asset.entity_id == entity.id)
        .order_by(Asset.modality, Asset.position)
    )
    return {
        "key_sha256": key_hash(entity.key),
        "revision": entity.revision,
        "assets": [
            {"modality": modality, "sha256": sha256, "size_bytes": size} for modality, sha256, size in assets
        ],
    }


def _trained_on(session: Session, workspace_id: int, entities: Sequence[Entity]) -> list[dict[str, Any]]:
    """Releases whose training ended, or has not ended, after the first of the entities had come."""
    came = min(entity.created_at for entity in entities)
    units = select(WorkUnit.payload, WorkUnit.finished_at).where(
        WorkUnit.workspace_id == workspace_id, WorkUnit.kind == "train"
    )
    ended = {payload.get("release_id"): at for payload, at in session.execute(units)}
    rows = session.scalars(
        select(Release).where(Release.workspace_id == workspace_id).order_by(Release.number)
    )
    return [
        {"release": row.name, "state": row.state}
        for row in rows
        if (ended.get(row.id) or float("inf")) >= came
    ]


def _open_paths(session: Session, workspace_id: int) -> set[str]:
    """Sources that units still have to read."""
    units = select(WorkUnit.payload).where(
        WorkUnit.workspace_id == workspace_id,
        WorkUnit.kind == "read",
        WorkUnit.state.in_(OPEN_STATES),
    )
    return {payload["path"] for payload in session.scalars(units) if payload.get("path")}
