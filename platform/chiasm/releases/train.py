"""The `train` unit: features, snapshot, training; then units that build the release's spaces."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import update

from chiasm import jobs
from chiasm.catalog.models import Release, Space
from chiasm.errors import NO_ROOM, translated
from chiasm.fusion.recipe import Recipe, load_recipe
from chiasm.ingest import active_release, ensure_space
from chiasm.jobs import Claim, WorkContext
from chiasm.models import default_encoders
from chiasm.releases.fill import fill_assets
from chiasm.releases.snapshot import take_snapshot
from chiasm.training import Progress, Stopped, train

__all__ = ["recorded_failure", "train_unit"]


def train_unit(ctx: WorkContext, claim: Claim) -> None:
    """Train the release of the claim and add the unit that builds its spaces."""
    with ctx.catalog.read() as session:
        release = session.get_one(Release, claim.payload["release_id"])
        parent = session.get(Release, release.parent_id) if release.parent_id is not None else None
    recipe = load_recipe(release.recipe["name"], release.recipe["overrides"])
    with recorded_failure(ctx, release):
        spaces = _feature_spaces(ctx, release.workspace_id, recipe)
        for modality, space in spaces.items():
            fill_assets(ctx, claim, space, modality)
        out = ctx.settings.models_dir / release.folder
        snapshot = take_snapshot(ctx, release, spaces, out / "snapshot", recipe, origins=recipe.graph.origins)
        text = spaces["text"].encoder if "text" in spaces else None
        begun = ctx.settings.models_dir / parent.folder if parent is not None and parent.folder else None
        active, shown = _active(ctx, release), ctx.settings.tensorboard_dir
        board = Path(shown) / (release.folder or "") if shown else None
        metrics = _train(ctx, snapshot, out, recipe, release.seed, text, active, begun, board)
    with ctx.catalog.write() as session:
        session.execute(
            update(Release)
            .where(Release.id == release.id)
            .values(metrics={**metrics, "release": release.name})
        )
        jobs.add_units(
            session, claim.job_id, "build", [{**claim.payload}], queue="train", dedup_keys=["build"]
        )
        jobs.finish(session, claim, {"release": release.name})


@contextmanager
def recorded_failure(ctx: WorkContext, release: Release) -> Iterator[None]:
    """Say in the release's row why it failed; a later attempt sets it back to *building*."""
    _mark(ctx, release.id, "building", None)
    try:
        yield
    except (jobs.Interrupted, jobs.StaleClaim):
        # Not over: it goes on here or elsewhere.
        raise
    except Exception as error:
        if isinstance(error, OSError) and error.errno in NO_ROOM:
            # A write does not know its file's name.
            error.filename = error.filename or str(ctx.settings.models_dir / (release.folder or ""))
        _mark(ctx, release.id, "failed", str(error) or type(error).__name__)
        raise


def _mark(ctx: WorkContext, release_id: int, state: str, error: str | None) -> None:
    with ctx.catalog.write() as session:
        session.execute(update(Release).where(Release.id == release_id).values(state=state, error=error))


def _feature_spaces(ctx: WorkContext, workspace_id: int, recipe: Recipe) -> dict[str, Space]:
    """Spaces of encoders that are there before training: the text teacher and the recipe's pretrained ones."""
    specs = {
        # Not the active release's, which may be tuned: each release begins anew, so nothing drifts.
        "text": recipe.encoders.text or default_encoders(ctx.settings).get("text"),
        "image": recipe.encoders.image.encoder,
        "audio": recipe.encoders.audio.encoder,
    }
    chosen: dict[str, Space] = {}
    for modality, spec in specs.items():
        if spec is not None:
            encoder = ctx.models.encoder(spec)
            chosen[modality] = ensure_space(
                ctx.catalog, workspace_id, modality, stamp=encoder.fingerprint, dim=encoder.dim, encoder=spec
            )
    return chosen


def _active(ctx: WorkContext, release: Release) -> Path | None:
    """Folder of the release that answers now, on whose queries this one is judged too."""
    with ctx.catalog.read() as session:
        found = active_release(session, release.workspace_id)
    return ctx.settings.models_dir / found.folder if found is not None and found.id != release.id else None


def _train(
    ctx: WorkContext,
    snapshot: Path,
    out: Path,
    recipe: Recipe,
    seed: int,
    text_encoder: str | None,
    active: Path | None,
    parent: Path | None,
    board: Path | None,
) -> dict[str, Any]:
    def report(progress: Progress) -> None:
        ctx.beat(round(progress.ratio * 1000), 1000, progress.stage)

    try:
        with translated():
            result = train(
                snapshot,
                out,
                recipe,
                seed=seed,
                report=report,
                stop=ctx.stop,
                text_encoder=text_encoder,
                active=active,
                parent=parent,
                board=board,
                device=ctx.settings.device,
            )
            return dict(result.metrics)
    except Stopped:
        # Says why: cancelled, lost or interrupted.
        ctx.beat()
        raise
