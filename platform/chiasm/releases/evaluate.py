"""The `evaluate` unit: a release judged on the held-out part of the catalog as it is now."""

from __future__ import annotations

from pathlib import Path

from chiasm import jobs
from chiasm.catalog.models import Evaluation, Release
from chiasm.errors import ConflictError
from chiasm.fusion.manifest import read_origins
from chiasm.jobs import Claim, WorkContext
from chiasm.releases.catching_up import spaces_of
from chiasm.releases.fill import fill_assets
from chiasm.releases.judging import judged_alone
from chiasm.releases.snapshot import take_snapshot
from chiasm.training import judge_release

__all__ = ["evaluate_unit"]


def evaluate_unit(ctx: WorkContext, claim: Claim) -> None:
    """Judge the claim's release and keep the report; the job's result is the report."""
    with ctx.catalog.read() as session:
        release = session.get_one(Release, claim.payload["release_id"])
    spaces = {kind: space for kind, space in spaces_of(ctx, release.id).items() if kind != "fused"}
    if release.state not in ("active", "candidate", "retired"):
        raise ConflictError(
            f"it is {release.state}", where=release.name, remedy="wait until it is built, or train again"
        )
    for modality, space in spaces.items():
        # The models are judged, not what stands in for their vectors.
        fill_assets(ctx, claim, space, modality)
    ctx.beat(0, 2, "snapshot")
    folder = ctx.settings.models_dir / Path(release.folder)
    text = spaces["text"].encoder if "text" in spaces else None
    with judged_alone(ctx, release.id):
        snapshot = take_snapshot(ctx, release, spaces, folder / "evaluation", origins=read_origins(folder))
        ctx.beat(1, 2, "evaluation")
        report = {"release": release.name, **judge_release(snapshot, folder, text, ctx.settings.device)}
    with ctx.catalog.write() as session:
        session.add(
            Evaluation(
                workspace_id=release.workspace_id,
                release_id=release.id,
                revision=report["snapshot"],
                report=report,
            )
        )
        jobs.finish(session, claim, report)
