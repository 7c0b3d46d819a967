"""The `remake` unit: what stands in through a learned map is made by the model itself, while it answers."""

from __future__ import annotations

from sqlalchemy import exists, select, update
from sqlalchemy.orm import Session

from chiasm import jobs
from chiasm.catalog import Catalog
from chiasm.catalog.models import Asset, Embedding, Release, ReleaseSpace, Workspace
from chiasm.jobs import Claim, WorkContext
from chiasm.releases.follow import rests, under_way
from chiasm.settings import Settings

__all__ = ["REMAKE", "ask_remake", "mark_embedded", "remake_kept", "remake_unit"]

#: Kind of the unit and of its job.
REMAKE = "remake"
LANE = "train"
_FAILED = 2000
_STATES = ("active", "candidate", "retired")


def remake_unit(ctx: WorkContext, claim: Claim) -> None:
    """Embed what the release's spaces lack, then fuse what stands in; each batch counts as soon as it is made."""
    # Imported here: who promotes or rolls back needs neither models nor indexes.
    from chiasm.releases.catching_up import spaces_of
    from chiasm.releases.fill import fill_assets, fill_entities
    from chiasm.spaces import count_mapped, mapped_items, remove_items

    with ctx.catalog.read() as session:
        release = session.get(Release, claim.payload["release_id"])
    spaces = spaces_of(ctx, release.id) if release is not None and release.state in _STATES else {}
    fused = spaces.pop("fused", None)
    for modality, space in spaces.items():
        fill_assets(ctx, claim, space, modality)
        # What cannot be embedded is not found through the map either.
        while len(left := _failed(ctx, space.id)):
            with ctx.catalog.write() as session:
                remove_items(session, [space.id], left)
    if release is not None and fused is not None:
        with ctx.catalog.read() as session:
            items = mapped_items(session, fused.id)
        fill_entities(ctx, claim, release, fused, items.tolist())
    with ctx.catalog.write() as session:
        if release is not None:
            mark_embedded(session, release)
        left_over = count_mapped(session, [fused.id]) if fused is not None else 0
        jobs.finish(session, claim, {"left": left_over})


def ask_remake(session: Session, release: Release) -> bool:
    """See to it that what stands in is made, by a job of its own; whether anything does."""
    stands = (
        select(Embedding.item_id)
        .join(ReleaseSpace, ReleaseSpace.space_id == Embedding.space_id)
        .where(ReleaseSpace.release_id == release.id, Embedding.mapped.is_not(None))
    )
    if session.scalar(stands.limit(1)) is None:
        return False
    if not under_way(session, REMAKE, release):
        job = jobs.create_job(session, release.workspace_id, REMAKE, {"release": release.name})
        jobs.add_units(session, job, REMAKE, [{"release_id": release.id}], queue=LANE)
    return True


def remake_kept(settings: Settings, catalog: Catalog) -> int:
    """Ask for what still stands in where nobody makes it any more (its job was cancelled, or failed); how many do."""
    asked = 0
    with catalog.read() as session:
        stands = (
            select(ReleaseSpace.release_id)
            .join(Workspace, Workspace.active_release_id == ReleaseSpace.release_id)
            .where(exists().where(Embedding.space_id == ReleaseSpace.space_id, Embedding.mapped.is_not(None)))
        )
        found = [one for one in set(session.scalars(stands)) if not rests(session, REMAKE, one)]
    for release_id in found:
        with catalog.write() as session:
            asked += ask_remake(session, session.get_one(Release, release_id))
    if asked:
        jobs.wake(settings, LANE)
    return asked


def _failed(ctx: WorkContext, space_id: int) -> list[int]:
    """Some assets that stand in, though they cannot be embedded."""
    stands = (
        select(Embedding.item_id)
        .join(Asset, Asset.id == Embedding.item_id)
        .where(Embedding.space_id == space_id, Embedding.mapped.is_not(None), Asset.state == "failed")
    )
    with ctx.catalog.read() as session:
        return list(session.scalars(stands.limit(_FAILED)))


def mark_embedded(session: Session, release: Release) -> None:
    """Assets that waited for an encoder and have their vector by now are embedded."""
    # By modality: in a fused space the item ids are those of entities.
    embedded = exists().where(
        Embedding.item_id == Asset.id,
        Embedding.space_id == ReleaseSpace.space_id,
        ReleaseSpace.release_id == release.id,
        ReleaseSpace.kind == Asset.modality,
    )
    session.execute(
        update(Asset)
        .where(Asset.workspace_id == release.workspace_id, Asset.state == "waiting", embedded)
        .values(state="embedded")
    )
