"""The `build` unit: the release's spaces are filled, it is judged, and swapped in."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from chiasm import jobs
from chiasm.catalog.models import Release, ReleaseSpace, Space, Workspace
from chiasm.errors import ChiasmError
from chiasm.fusion.manifest import read_manifest
from chiasm.ingest import ensure_space
from chiasm.jobs import Claim, WorkContext
from chiasm.releases.catching_up import CaughtUp, begin, catch_up
from chiasm.releases.fill import fill_assets, take_over
from chiasm.releases.following import missing_entities, touched_since
from chiasm.releases.gate import GateDecision, Standing, judge
from chiasm.releases.mapping import stand_in
from chiasm.releases.rules import gate_rules
from chiasm.releases.standing import standings
from chiasm.releases.swap import activate, note
from chiasm.releases.train import recorded_failure
from chiasm.training import MadeVectors, discard_made

__all__ = ["build_unit"]

_STUDENT = "student:"
#: Where more comes in than can be caught up with, the swap goes on after so many attempts: what is left is the first
#: work of the new release.
_MOST_ATTEMPTS = 20


def build_unit(ctx: WorkContext, claim: Claim) -> None:
    """Fill the spaces of a trained release, then promote it if the job asked for that and the gate agrees."""
    with ctx.catalog.read() as session:
        release = session.get_one(Release, claim.payload["release_id"])
    out = ctx.settings.models_dir / release.folder
    with recorded_failure(ctx, release):
        spaces = _register_spaces(ctx, release)
        begin(ctx, release, spaces["fused"])
        assets = {modality: space for modality, space in spaces.items() if modality != "fused"}
        for modality, space in assets.items():
            if (made := MadeVectors.read(out, modality, space.stamp)) is not None:
                take_over(ctx, claim, space, modality, made)
        mapped = stand_in(ctx, claim, release, spaces) if claim.payload.get("at_once") else None
        if mapped is None:
            for modality, space in assets.items():
                fill_assets(ctx, claim, space, modality)
        caught = catch_up(ctx, claim, release, spaces, missing=True)
        _check_answers(ctx, release)
    decision = _decide(ctx, claim, release, caught.bare)
    gate = decision.to_dict() | ({"mapped": mapped} if mapped is not None else {})
    ctx.beat(0, 1, "swap")
    for attempt in range(_MOST_ATTEMPTS):
        if _settle(ctx, claim, release, gate, caught, last=attempt == _MOST_ATTEMPTS - 1):
            break
        # Something came in between the last look and the swap: it goes to both, then try again.
        caught = catch_up(ctx, claim, release, spaces, missing=True, bare=caught.bare)
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
            asks = _student(manifest, kind, space.stamp)
            session.merge(ReleaseSpace(release_id=release.id, kind=kind, space_id=space.id, **asks))
    return found


def _student(manifest: Mapping[str, Any], kind: str, stamp: str) -> dict[str, str]:
    """Who else may ask a space: a student that came along in a bundle, if it was distilled from what made the space."""
    entry = manifest.get("students", {}).get(kind)
    if entry is None or entry["teacher"] != stamp:
        return {}
    return {"student": entry["spec"].removeprefix(_STUDENT), "student_stamp": entry["fingerprint"]}


def _rooted(spec: str | None, folder: str) -> str | None:
    """Specs of a release's own students are relative to its folder; elsewhere to the models folder."""
    if spec is None:
        # The default encoder, whose space exists already.
        return None
    return f"{_STUDENT}{folder}/{spec.removeprefix(_STUDENT)}" if spec.startswith(_STUDENT) else spec


def _check_answers(ctx: WorkContext, release: Release) -> None:
    """Load what was written, checksums verified: a release that does not open is not promoted."""
    ctx.models.fusion(release.folder)


def _decide(ctx: WorkContext, claim: Claim, release: Release, bare: set[int]) -> GateDecision:
    promote = claim.payload.get("promote", "gate")
    if promote is False:
        return GateDecision(False, ["promotion was not asked for"])
    if promote == "force":
        return GateDecision(True, ["forced"])
    rules = gate_rules(claim.payload.get("gate"))
    with ctx.catalog.read() as session:
        candidate = session.get_one(Release, release.id)
        active_id = session.get_one(Workspace, release.workspace_id).active_release_id
        active = session.get(Release, active_id) if active_id not in (None, release.id) else None
    if active is None:
        return judge(Standing(candidate.metrics), None)
    try:
        ours, theirs = standings(ctx, candidate, active, bare=bare, queries=round(rules.latency_queries))
    except (jobs.Interrupted, jobs.StaleClaim):
        raise
    except ChiasmError as error:
        # It stays for inspection: what cannot be judged does not go live by itself.
        return GateDecision(False, [f"it cannot be judged: {error}"])
    return judge(ours, theirs, rules)


def _settle(
    ctx: WorkContext,
    claim: Claim,
    release: Release,
    gate: Mapping[str, Any],
    caught: CaughtUp,
    *,
    last: bool,
) -> bool:
    """The swap, together with the end of the unit; False if the release is not what is acknowledged by now.

    In this transaction nobody else changes the workspace: where its revision is the one that the release was caught up
    with, what the release holds is what there is.
    """
    reasons = "; ".join(gate["reasons"])
    with ctx.catalog.change(release.workspace_id) as session:
        row = session.get_one(Release, release.id)
        if gate["passed"]:
            if not last and not _is_current(session, row, caught):
                return False
            activate(session, row, reason=reasons, watch_s=ctx.settings.watch_s)
        else:
            row.state = "candidate"
            note(row, "kept as a candidate", reasons)
        row.gate = dict(gate)
        session.flush()
        state = "active" if gate["passed"] else "candidate"
        jobs.finish(session, claim, {"release": row.name, "state": state, "gate": dict(gate)})
    return True


def _is_current(session: Any, release: Release, caught: CaughtUp) -> bool:
    revision = session.get_one(Workspace, release.workspace_id).revision
    if revision == caught.marks.revision:
        return True
    touched = touched_since(session, release.workspace_id, caught.marks)
    return touched == set() and not set(missing_entities(session, release)) - caught.bare
