"""The `build` unit: the release's spaces are filled, it is judged, and swapped in."""

from __future__ import annotations

from typing import Any

from sqlalchemy import update

from chiasm import jobs
from chiasm.catalog import Catalog
from chiasm.catalog.models import Release, ReleaseSpace, Space, Workspace
from chiasm.fusion.manifest import read_manifest
from chiasm.ingest import ensure_space
from chiasm.jobs import Claim, WorkContext
from chiasm.releases.fill import fill_assets, fill_entities
from chiasm.releases.gate import GateDecision, judge
from chiasm.releases.swap import activate, missing_entities
from chiasm.releases.train import recorded_failure
from chiasm.training import MadeVectors, discard_made

__all__ = ["build_unit"]

_STUDENT = "student:"


def build_unit(ctx: WorkContext, claim: Claim) -> None:
    """Fill the spaces of a trained release, then promote it if the job asked for that and the gate agrees."""
    with ctx.catalog.read() as session:
        release = session.get_one(Release, claim.payload["release_id"])
    out = ctx.settings.models_dir / release.folder
    with recorded_failure(ctx, release.id):
        spaces = _register_spaces(ctx, release)
        for modality, space in spaces.items():
            if modality != "fused":
                made = MadeVectors.read(out, modality, space.stamp)
                fill_assets(ctx, claim, space, modality, made)
        hopeless = _fuse_all(ctx, claim, release, spaces["fused"])
        _check_answers(ctx, release)
    decision = _decide(ctx.catalog, release, claim.payload.get("promote", "gate"))
    while not _settle(ctx, claim, release, decision, hopeless):
        # Something arrived between the last look and the swap: fuse it too, then try again.
        hopeless = _fuse_all(ctx, claim, release, spaces["fused"])
    discard_made(out)


def _register_spaces(ctx: WorkContext, release: Release) -> dict[str, Space]:
    """The release's spaces by kind, made where they do not exist; those of equal stamp are shared."""
    manifest = read_manifest(ctx.settings.models_dir / release.folder)
    wanted: dict[str, tuple[str, str | None, int]] = {
        modality: (entry["fingerprint"], _rooted(entry["spec"], release.folder), entry["dim"])
        for modality, entry in manifest["encoders"].items()
    }
    wanted["fused"] = (manifest["fusion"]["fingerprint"], None, manifest["fusion"]["dim"])
    found = {
        kind: ensure_space(ctx.catalog, release.workspace_id, kind, stamp=stamp, dim=dim, encoder=encoder)
        for kind, (stamp, encoder, dim) in wanted.items()
    }
    with ctx.catalog.write() as session:
        for kind, space in found.items():
            session.merge(ReleaseSpace(release_id=release.id, kind=kind, space_id=space.id))
    return found


def _rooted(spec: str | None, folder: str) -> str | None:
    """Specs of a release's own students are relative to its folder; elsewhere to the models folder."""
    if spec is None:
        # The default encoder, whose space exists already.
        return None
    return f"{_STUDENT}{folder}/{spec.removeprefix(_STUDENT)}" if spec.startswith(_STUDENT) else spec


def _fuse_all(ctx: WorkContext, claim: Claim, release: Release, space: Space) -> set[int]:
    """Fuse until nothing is missing but entities that have nothing to be fused from; these."""
    hopeless: set[int] = set()
    while True:
        with ctx.catalog.read() as session:
            missing = [entity for entity in missing_entities(session, release) if entity not in hopeless]
        if not missing:
            return hopeless
        fill_entities(ctx, claim, release, space, missing)
        with ctx.catalog.read() as session:
            hopeless |= set(missing) & set(missing_entities(session, release))


def _check_answers(ctx: WorkContext, release: Release) -> None:
    """Load what was written, checksums verified: a release that does not open is not promoted."""
    ctx.models.fusion(release.folder)


def _decide(catalog: Catalog, release: Release, promote: Any) -> GateDecision:
    with catalog.read() as session:
        workspace = session.get_one(Workspace, release.workspace_id)
        metrics = session.get_one(Release, release.id).metrics
        active = (
            session.get(Release, workspace.active_release_id)
            if workspace.active_release_id not in (None, release.id)
            else None
        )
    if promote is False:
        return GateDecision(False, ["promotion was not asked for"])
    if promote == "force":
        return GateDecision(True, ["forced"])
    return judge(metrics, active.metrics if active else None)


def _settle(
    ctx: WorkContext, claim: Claim, release: Release, decision: GateDecision, hopeless: set[int]
) -> bool:
    """The swap, together with the end of the unit; False if an entity arrived meanwhile."""
    with ctx.catalog.write() as session:
        row = session.get_one(Release, release.id)
        if decision.passed:
            if set(missing_entities(session, row)) - hopeless:
                return False
            row.gate = decision.to_dict()
            activate(session, row)
        else:
            row.gate = decision.to_dict()
            session.execute(update(Release).where(Release.id == row.id).values(state="candidate"))
        session.flush()
        state = "active" if decision.passed else "candidate"
        jobs.finish(session, claim, {"release": row.name, "state": state, "gate": decision.to_dict()})
    return True
