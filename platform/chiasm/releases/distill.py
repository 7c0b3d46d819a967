"""The `distill` unit: a small encoder that asks a space of a release in the place of the release's own."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import select, update

from chiasm import jobs
from chiasm.catalog.models import Release, ReleaseSpace, Space
from chiasm.errors import ConflictError, NotFoundError
from chiasm.fusion.manifest import read_origins
from chiasm.jobs import Claim, WorkContext
from chiasm.releases.catching_up import spaces_of
from chiasm.releases.fill import fill_assets
from chiasm.releases.lessons import taught, witnesses
from chiasm.releases.snapshot import take_snapshot
from chiasm.releases.students import placed_student
from chiasm.releases.submit_distill import DISTILLATION
from chiasm.training.budget import Budget
from chiasm.training.distillation import Found, find_student
from chiasm.training.progress import Stopped
from chiasm.training.retention import Retention, Witness

if TYPE_CHECKING:
    from chiasm_encoders import Encoder

__all__ = ["distill_unit"]

_STATES = ("active", "candidate", "retired")


def distill_unit(ctx: WorkContext, claim: Claim) -> None:
    """Find the smallest student within the claim's budget; if one keeps enough, it asks from now on."""
    asked = claim.payload
    with ctx.catalog.read() as session:
        release = session.get_one(Release, asked["release_id"])
    if release.state not in _STATES:
        raise ConflictError(
            f"it is {release.state}", where=release.name, remedy="wait until it is built, or train again"
        )
    modality = asked["modality"]
    spaces = {kind: space for kind, space in spaces_of(ctx, release.id).items() if kind != "fused"}
    if modality not in spaces:
        raise NotFoundError(
            f"the release has no {modality} encoder to distill",
            where=release.name,
            remedy=f"ingest {modality} and run `chiasm train`",
        )
    space = spaces[modality]
    folder = ctx.settings.models_dir / release.folder
    scratch = folder / DISTILLATION / modality
    for kind, held in spaces.items():
        # Taught and judged by the models' own vectors, not by what stands in for them.
        fill_assets(ctx, claim, held, kind)
    ctx.beat(0, 1000, "snapshot")
    snapshot = take_snapshot(ctx, release, spaces, scratch / "snapshot", origins=read_origins(folder))
    teacher = ctx.models.encoder(space.encoder or "", space.stamp)
    judges = witnesses(ctx, modality, snapshot, folder, spaces)
    found = _search(ctx, asked, snapshot, teacher, judges, scratch)
    report = {
        "release": release.name,
        "modality": modality,
        "budget": {name: asked[name] for name in ("max_mb", "max_ms", "min_retention")},
        "teacher": _teacher(teacher, judges[0]),
        "trials": [trial.to_dict() for trial in found.trials],
        "student": None,
        "best": found.best.to_dict() if found.best else None,
    }
    if found.chosen is None:
        with ctx.catalog.write() as session:
            jobs.finish(session, claim, report)
        return
    row = _judged(found, modality, judges)
    name, stamp = placed_student(
        folder, modality, found.folder_of(found.chosen), row, space.stamp, _present(ctx, release, modality)
    )
    report["student"] = row
    with ctx.catalog.write() as session:
        mine = (ReleaseSpace.release_id == release.id, ReleaseSpace.kind == modality)
        session.execute(update(ReleaseSpace).where(*mine).values(student=name, student_stamp=stamp))
        # Whoever answers looks at generations: a new one makes it read which student asks now.
        session.execute(update(Space).where(Space.id == space.id).values(generation=Space.generation + 1))
        known = session.get_one(Release, release.id)
        rows = [one for one in known.metrics.get("students", []) if one.get("modality") != modality]
        known.metrics = {**known.metrics, "students": [*rows, row]}
        session.flush()
        jobs.finish(session, claim, report)
    shutil.rmtree(scratch, ignore_errors=True)


def _present(ctx: WorkContext, release: Release, modality: str) -> str | None:
    """Folder of the student that asks until now."""
    with ctx.catalog.read() as session:
        return session.scalar(
            select(ReleaseSpace.student).where(
                ReleaseSpace.release_id == release.id, ReleaseSpace.kind == modality
            )
        )


def _search(
    ctx: WorkContext,
    asked: Mapping[str, Any],
    snapshot: Path,
    teacher: Encoder,
    judges: tuple[Witness, Witness],
    scratch: Path,
) -> Found:
    from chiasm_encoders.distil import LADDERS

    def report(stage: str, ratio: float) -> None:
        ctx.beat(round(ratio * 1000), 1000, stage)

    ladder = LADDERS[asked["modality"]]
    config = ladder.configured(asked["options"], ctx.settings.device)
    try:
        teaching = taught(ctx, asked, snapshot, teacher, judges[0], config, scratch, report)
        return find_student(
            teaching,
            judges[0],
            ladder.named(asked["kinds"]),
            Budget(asked["max_mb"], asked["max_ms"], asked["min_retention"]),
            config,
            folder=scratch / "students",
            seed=asked["seed"],
            report=report,
            stop=ctx.stop,
        )
    except Stopped:
        # Says why: cancelled, lost or interrupted.
        ctx.beat()
        raise


def _judged(found: Found, modality: str, judges: tuple[Witness, Witness]) -> dict[str, Any]:
    """The student's row in reports: what it keeps on the queries that did not choose it."""
    from chiasm_encoders import load_encoder

    assert found.chosen is not None
    chosen, judge = found.chosen, judges[1]
    encoder = load_encoder(f"student:{found.folder_of(chosen)}", device="cpu")
    kept = judge.retention(encoder.encode(judge.items))
    told = chosen.to_dict()
    return {
        "modality": modality,
        "mb": told["mb"],
        "ms": told["ms"],
        "retention": round(kept.ratio, 4),
        "name": chosen.name,
        "parameters": chosen.parameters,
        "ms_quartiles": told["ms_quartiles"],
        **_about(kept),
    }


def _about(kept: Retention) -> dict[str, Any]:
    return {
        "queries": kept.queries,
        "hit@10": round(kept.student, 4),
        "teacher_hit@10": round(kept.teacher, 4),
        "difference_ci95": [round(kept.low, 4), round(kept.high, 4)],
    }


def _teacher(teacher: Encoder, witness: Witness) -> dict[str, Any]:
    from chiasm_encoders.distil import FrozenTeacher
    from chiasm_encoders.timing import time_queries

    timing = time_queries(teacher, witness.items, rounds=40)
    return {"parameters": FrozenTeacher(teacher).parameter_count, "ms": round(timing.median, 2)}
