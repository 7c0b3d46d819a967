"""The `distill` unit: a small encoder that asks a space of a release in the place of the release's own."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import select, update

from chiasm import jobs
from chiasm.catalog.models import Release, ReleaseSpace, Space
from chiasm.errors import ConflictError, InputError, NotFoundError
from chiasm.fusion.manifest import read_origins
from chiasm.jobs import Claim, WorkContext
from chiasm.releases.catching_up import spaces_of
from chiasm.releases.snapshot import take_snapshot
from chiasm.releases.students import placed_student
from chiasm.releases.submit_distill import DISTILLATION
from chiasm.training.budget import Budget
from chiasm.training.distillation import Found, find_text_student, text_teaching
from chiasm.training.judge import open_benches
from chiasm.training.progress import Stopped
from chiasm.training.retention import Retention, Witness
from chiasm.training.snapshot import Snapshot
from chiasm.training.text_corpus import taught_texts
from chiasm.training.texts import text_values

if TYPE_CHECKING:
    from chiasm.training.evaluation import Bench
    from chiasm.training.queries import Query
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
    scratch = folder / DISTILLATION
    ctx.beat(0, 1000, "snapshot")
    snapshot = take_snapshot(ctx, release, spaces, scratch / "snapshot", origins=read_origins(folder))
    teacher = ctx.models.encoder(space.encoder or "", space.stamp)
    witnesses = _witnesses(snapshot, folder, spaces)
    found = _search(ctx, asked, snapshot, teacher, witnesses, scratch)
    report = {
        "release": release.name,
        "modality": modality,
        "budget": {name: asked[name] for name in ("max_mb", "max_ms", "min_retention")},
        "teacher": _teacher(teacher, witnesses[0]),
        "trials": [trial.to_dict() for trial in found.trials],
        "student": None,
        "best": found.best.to_dict() if found.best else None,
    }
    if found.chosen is None:
        with ctx.catalog.write() as session:
            jobs.finish(session, claim, report)
        return
    row = _judged(found, witnesses)
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


def _witnesses(snapshot: Path, folder: Path, spaces: Mapping[str, Space]) -> tuple[Witness, Witness]:
    """Queries that choose, and those that the report is about; of a small catalogue they may be the same.

    Raises:
        InputError: No text is held out whose entity could be found.
    """
    text = spaces["text"].encoder if "text" in spaces else None
    values = text_values(Snapshot.open(snapshot))

    def witness(bench: Bench) -> Witness:
        def items(queries: Sequence[Query]) -> list[Any]:
            return [str(values[bench.data.row[query.asset]]) for query in queries]

        return Witness(bench, "text", items)

    valid, test = (witness(bench) for bench in open_benches(snapshot, folder, text))
    if not valid.queries and not test.queries:
        raise InputError(
            "no text is held out that could tell what a student keeps",
            where="distillation",
            remedy="ingest more entities with texts: one text in five is held out",
        )
    return (valid if valid.queries else test), (test if test.queries else valid)


def _search(
    ctx: WorkContext,
    asked: Mapping[str, Any],
    snapshot: Path,
    teacher: Encoder,
    witnesses: tuple[Witness, Witness],
    scratch: Path,
) -> Found:
    from chiasm_encoders.distil import TEXT_SHAPES, ImitationConfig

    def report(stage: str, ratio: float) -> None:
        ctx.beat(round(ratio * 1000), 1000, stage)

    shapes = [shape for shape in TEXT_SHAPES if {shape.kind, shape.name} & {*asked["kinds"]}]
    source = Snapshot.open(snapshot)
    held_out = witnesses[0].data.held_out_texts
    texts = taught_texts(source, held_out, _corpus(scratch, asked.get("corpus")))
    try:
        teaching = text_teaching(teacher, texts, held_out, scratch, report, ctx.stop)
        return find_text_student(
            teaching,
            witnesses[0],
            shapes,
            Budget(asked["max_mb"], asked["max_ms"], asked["min_retention"]),
            ImitationConfig(**asked["options"], device=ctx.settings.device),
            folder=scratch / "text",
            seed=asked["seed"],
            report=report,
            stop=ctx.stop,
        )
    except Stopped:
        # Says why: cancelled, lost or interrupted.
        ctx.beat()
        raise


def _corpus(scratch: Path, name: str | None) -> list[str]:
    if name is None:
        return []
    try:
        return (scratch / name).read_text(encoding="utf-8").splitlines()
    except FileNotFoundError as error:
        raise InputError(
            "the corpus is not there any more", where=name, remedy="ask for the distillation again"
        ) from error


def _judged(found: Found, witnesses: tuple[Witness, Witness]) -> dict[str, Any]:
    """The student's row in reports: what it keeps on the queries that did not choose it."""
    from chiasm_encoders import load_encoder

    assert found.chosen is not None
    chosen, judge = found.chosen, witnesses[1]
    encoder = load_encoder(f"student:{found.folder_of(chosen)}", device="cpu")
    kept = judge.retention(encoder.encode(judge.items))
    told = chosen.to_dict()
    return {
        "modality": "text",
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
