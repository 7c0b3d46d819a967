"""The units of a search: `fingerprint` for a range of assets, then one `compare`."""

from __future__ import annotations

from sqlalchemy import delete, select

from chiasm.catalog.models import Asset, DuplicatePair, Entity, Job
from chiasm.duplicates.compare import find_pairs
from chiasm.duplicates.pairs import FoundPair, write_pairs
from chiasm.duplicates.prints import BATCH, KINDS, collect_prints, make_prints, missing_prints, store_prints
from chiasm.duplicates.scope import Scope
from chiasm.jobs import Claim, WorkContext, advance, finish

__all__ = ["compare_unit", "fingerprint_unit"]

#: Pairs of one write transaction.
_PAIRS = 200


def fingerprint_unit(ctx: WorkContext, claim: Claim) -> None:
    """Make the fingerprints that a range of assets lacks; each batch is kept when it is done."""
    asked = claim.payload
    modality = asked["modality"]
    scope = Scope(claim.workspace_id, asked["domain_id"], modality)
    mine = (Asset.id >= asked["first"]) & (Asset.id < asked["beyond"])
    with ctx.catalog.read() as session:
        contents = set(session.scalars(scope.assets(modality, Asset.sha256).where(mine)))
        lacking = missing_prints(session, claim.workspace_id, modality, contents)
    for start in range(0, len(lacking), BATCH):
        ctx.beat(start, len(lacking), f"fingerprints of {modality}")
        prints = make_prints(ctx, modality, lacking[start : start + BATCH])
        with ctx.catalog.write() as session:
            store_prints(session, claim.workspace_id, modality, prints)
            # What was kept is found by the next claim of the unit, if there is one.
            advance(session, claim, {}, result={"fingerprints": len(prints)})
    with ctx.catalog.write() as session:
        finish(session, claim)


def compare_unit(ctx: WorkContext, claim: Claim) -> None:
    """Compare all contents, store the pairs that are sure enough and take out those that are not any more.

    What the other units of the job have not done, because a worker is lost or a unit failed, is done here.
    """
    asked = claim.payload
    scope = Scope(claim.workspace_id, asked["domain_id"], asked["modality"], asked["min_confidence"])
    _complete_prints(ctx, scope)
    found = find_pairs(ctx, scope)
    for start in range(0, len(found), _PAIRS):
        some = found[start : start + _PAIRS]
        with ctx.catalog.write() as session:
            write_pairs(session, claim.workspace_id, claim.job_id, some, scope.modalities)
            advance(session, claim, {}, done=start + len(some), total=len(found))
    collect_prints(ctx.catalog, claim.workspace_id)
    _drop_stale(ctx, claim, scope, found)
    with ctx.catalog.write() as session:
        finish(session, claim, {"pairs": len(found)})


def _complete_prints(ctx: WorkContext, scope: Scope) -> None:
    for modality in set(scope.modalities) & KINDS.keys():
        with ctx.catalog.read() as session:
            contents = set(session.scalars(scope.assets(modality, Asset.sha256)))
            lacking = missing_prints(session, scope.workspace_id, modality, contents)
        for start in range(0, len(lacking), BATCH):
            ctx.beat(stage=f"fingerprints of {modality}")
            prints = make_prints(ctx, modality, lacking[start : start + BATCH])
            with ctx.catalog.write() as session:
                store_prints(session, scope.workspace_id, modality, prints)


def _drop_stale(ctx: WorkContext, claim: Claim, scope: Scope, found: list[FoundPair]) -> None:
    """Remove pairs of earlier searches that this one would have found if they were still alike."""
    if scope.modality is not None:
        # It has not looked at all that may speak for them.
        return
    entities = select(Entity.id).where(scope.entities())
    with ctx.catalog.read() as session:
        asked_at = session.get_one(Job, claim.job_id).created_at
        stale = select(DuplicatePair.id, DuplicatePair.first_id, DuplicatePair.second_id).where(
            DuplicatePair.workspace_id == scope.workspace_id,
            DuplicatePair.state == "found",
            DuplicatePair.confidence >= scope.min_confidence,
            # What another search has written since is that one's.
            DuplicatePair.updated_at < asked_at,
            DuplicatePair.first_id.in_(entities),
            DuplicatePair.second_id.in_(entities),
        )
        rows = session.execute(stale).all()
    known = {(pair.first, pair.second) for pair in found}
    ids = [row_id for row_id, first, second in rows if (first, second) not in known]
    for start in range(0, len(ids), _PAIRS):
        with ctx.catalog.write() as session:
            gone = DuplicatePair.id.in_(ids[start : start + _PAIRS])
            session.execute(delete(DuplicatePair).where(gone, DuplicatePair.state == "found"))
