"""From a snapshot to the model folder of a release, in resumable stages."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, cast

import numpy as np
import numpy.typing as npt

from chiasm.errors import InputError
from chiasm.fusion.checkpoints import sha256_of, write_tensors
from chiasm.fusion.filling import FillIn
from chiasm.fusion.manifest import write_manifest
from chiasm.fusion.ranking import Ranking
from chiasm.fusion.recipe import Recipe
from chiasm.fusion.runtime import FusionModel
from chiasm.fusion.tasks import LabelTask, MaskedTask
from chiasm.training.calibration_data import fit_on
from chiasm.training.dataset import Dataset
from chiasm.training.evaluation import Bench, evaluate, fused_hits
from chiasm.training.fitting import FusionFit, build_fit
from chiasm.training.holdout import Visible, visible
from chiasm.training.label_heads import LabelHeads
from chiasm.training.labels import with_labels
from chiasm.training.links import link_metrics
from chiasm.training.lists import with_lists
from chiasm.training.loop import run_loop
from chiasm.training.losses_file import LOSSES_FILE, read_curves
from chiasm.training.made import MadeVectors
from chiasm.training.progress import Report, Stop
from chiasm.training.run import Run
from chiasm.training.snapshot import Snapshot
from chiasm.training.students import student_of, train_student
from chiasm.training.texts import tune_text, tuned_of
from chiasm.training.views import ViewSampler
from chiasm.training.warm_start import WarmStart
from chiasm.training.words import SeenWords

__all__ = ["TrainResult", "train"]


@dataclass(frozen=True)
class TrainResult:
    """What a finished run left behind."""

    folder: Path
    fingerprint: str
    #: As in ``chiasm evaluate --json``, without the release's name
    metrics: Mapping[str, Any]


def train(
    snapshot: Path,
    out: Path,
    recipe: Recipe,
    *,
    seed: int,
    report: Report,
    stop: Stop,
    text_encoder: str | None = None,
    parent: Path | None = None,
) -> TrainResult:
    """Train everything a release holds.

    Called again with the same arguments after a stop or a crash it goes on from the last checkpoint in
    ``out`` and
    ends with the same model; called after it finished it gives the result at once. A folder left by another
    snapshot, recipe or seed is started over.

    Args:
        snapshot: Folder of a snapshot.
        out: The release's model folder.
        recipe: What to train and how.
        seed: Same data, recipe, seed and machine: same model.
        report: Called often with the stage and the share done.
        stop: Asked often; true ends the run with a checkpoint.
        text_encoder: Spec of the encoder that made the snapshot's text features; None is the recipe's, else
            the default one. Where its fingerprint is not the snapshot's, it is not tuned.
        parent: Model folder of a release to go on from: its own encoders are kept, its weights trained on.

    Raises:
        Stopped: ``stop`` said so.
        InputError: The snapshot has nothing to learn from.
        DamagedError: The snapshot or a checkpoint differs from its checksum.
        StampError: The parent's model was trained with features of another encoder.
    """
    begun = WarmStart.open(parent, recipe) if parent is not None else None
    run = Run(Snapshot.open(snapshot), Path(out), recipe, seed, report, stop, text_encoder, begun)
    if (done := run.begin()) is not None:
        return TrainResult(run.out, done["fusion"]["fingerprint"], done["metrics"])
    data = _features(run)
    hidden = visible(data, ("valid", "test"))
    data = with_labels(_listed(run, data, hidden), run.snapshot, recipe.labels.targets)
    fit = _fit(run, data, hidden)
    model = _model(run, data, fit)
    run.check()
    ranking_report = run.reporter("ranking")
    valid = Bench(model, data, hidden, "valid")
    model.ranking = fit_on(valid)
    ranking_report(1.0, {})
    run.check()
    evaluation_report = run.reporter("evaluation")
    # What tunes may be indexed when the test is asked; the model itself has not learned from it.
    known = visible(data, ("test",))
    links = link_metrics(model, fit.scorer, data, known, "test") if fit.scorer is not None else {}
    heads = _label_heads(fit, data)
    metrics = evaluate(
        Bench(model, data, known, "test"), valid, links, heads.heads(data.labels) if heads else None
    )
    if run.parent is not None:
        metrics["start"] = _compared(run, data, known, model)
    metrics["training"] = read_curves(run.out / LOSSES_FILE)
    metrics["snapshot"] = run.snapshot.revision
    metrics["students"] = [student.report() for student in run.students.values()]
    evaluation_report(1.0, {})
    return _finish(run, data, fit, model, metrics)


def _features(run: Run) -> Dataset:
    """Features of all assets, by a tuned text encoder and by students where the recipe trains them."""
    data = Dataset.read(run.snapshot)
    seen = visible(data, ("valid", "test"))
    made = _tuned_text(run, data, seen)
    if made:
        # Students learn from what the release's own encoder says.
        data = Dataset.read(run.snapshot, made)
    for modality, media, encoder in (
        ("image", run.snapshot.images(), run.recipe.encoders.image.encoder),
        ("audio", run.snapshot.waves(), run.recipe.encoders.audio.encoder),
    ):
        if media is None or encoder is not None or modality in data.features:
            continue
        run.check()
        if run.parent is not None and run.parent.has_own(modality):
            kept = run.parent.keep_encoder(modality, run.out)
            run.students[modality] = student_of(modality, run.snapshot, kept)
            continue
        run.students[modality] = train_student(
            modality,
            run.snapshot,
            data,
            seen,
            run.recipe,
            folder=run.out / modality,
            seed=run.seed,
            report=run.reporter(f"{modality} student"),
            stop=run.stop,
        )
    run.reporter("features")
    columns = {m: s.text_columns for m, s in run.students.items() if s.text_columns is not None}
    made |= {m: s.features for m, s in run.students.items()}
    _keep(run, made)
    if run.parent is not None:
        own = {name: student.fingerprint for name, student in run.students.items()}
        own |= {"text": run.tuned.fingerprint} if run.tuned else {}
        run.parent.check_encoders({**run.snapshot.encoders, **own})
    data = Dataset.read(run.snapshot, made, columns)
    if not len(data.entity):
        raise InputError(
            "no text, picture or sound has features: there is nothing to learn from",
            where=str(run.snapshot.path),
            remedy="ingest texts or media first",
        )
    return data


def _keep(run: Run, made: Mapping[str, npt.NDArray[np.float32]]) -> None:
    """Keep the vectors for whoever builds the release's spaces."""
    ids, rows = (run.snapshot.column("assets", name).astype(np.int64) for name in ("id", "row"))
    modality = run.snapshot.column("assets", "modality")
    for name, vectors in made.items():
        mine = np.flatnonzero((modality == name) & (rows >= 0))
        mine = mine[np.argsort(ids[mine])]
        encoder = run.tuned if name == "text" and run.tuned else run.students[name]
        MadeVectors(ids[mine], vectors[rows[mine]]).write(run.out, name, encoder.fingerprint)


def _tuned_text(run: Run, data: Dataset, seen: Visible) -> dict[str, npt.NDArray[np.float32]]:
    """Features of the texts by the encoder tuned to them; empty where none is tuned."""
    options = run.recipe.encoders.text_tuning
    if run.parent is not None:
        return _kept_text(run, run.parent)
    if options is None:
        return {}
    run.check()
    run.tuned = tune_text(
        run.snapshot,
        data,
        seen,
        _text_spec(run),
        options,
        folder=run.out / "text",
        seed=run.seed,
        report=run.reporter("text tuning"),
        stop=run.stop,
    )
    return {"text": run.tuned.features} if run.tuned else {}


def _kept_text(run: Run, parent: WarmStart) -> dict[str, npt.NDArray[np.float32]]:
    """Features of the texts by the encoder that the parent has tuned; empty where it has none of its own."""
    if not parent.has_own("text") or run.snapshot.features("text") is None:
        return {}
    folder, told = parent.keep_encoder("text", run.out), run.reporter("text tuning")
    run.tuned = tuned_of(run.snapshot, folder, lambda ratio: told(ratio, {}), run.stop)
    return {"text": run.tuned.features}


def _listed(run: Run, data: Dataset, seen: Visible) -> Dataset:
    if run.tuned:
        return with_lists(data, seen, f"student:{run.tuned.folder}", run.tuned.fingerprint)
    return with_lists(data, seen, _text_spec(run), run.snapshot.encoders.get("text"))


def _text_spec(run: Run) -> str:
    from chiasm_encoders import default_text_spec

    return run.text_encoder or run.recipe.encoders.text or default_text_spec()


def _fit(run: Run, data: Dataset, seen: Visible) -> FusionFit:
    sampler = ViewSampler(data, seen.assets, seen.graph, run.recipe, run.seed)
    fit = build_fit(data, sampler, seen.graph, run.recipe, run.seed)
    if run.parent is not None:
        run.parent.load_into(fit, run.snapshot.predicates)
    return run_loop(
        fit,
        sampler,
        run.recipe,
        seed=run.seed,
        checkpoint=run.out / "checkpoint.safetensors",
        report=run.reporter("fusion"),
        stop=run.stop,
        losses=run.out / LOSSES_FILE,
        judge=partial(_figure, run, data, seen),
    )


def _figure(run: Run, data: Dataset, seen: Visible, fit: FusionFit) -> float:
    """hit@10 of the valid queries by fused vectors alone; what early stopping goes by."""
    found = fused_hits(Bench(_fused(run, data, fit.eval()), data, seen, "valid"))
    hits = [hit for domain in found.values() for hit in domain]
    return float(np.mean(hits)) if hits else 0.0


def _compared(run: Run, data: Dataset, seen: Visible, model: FusionModel) -> dict[str, Any]:
    """hit@10 by fused vectors into each domain, before going on from the parent and after it."""
    sampler = ViewSampler(data, seen.assets, seen.graph, run.recipe, run.seed)
    fit = build_fit(data, sampler, seen.graph, run.recipe, run.seed)
    if run.parent is not None:
        run.parent.load_into(fit, run.snapshot.predicates)
    before = fused_hits(Bench(_fused(run, data, fit.eval()), data, seen, "test"))
    after = fused_hits(Bench(model, data, seen, "test"))
    return {
        domain: {
            "n": len(hits),
            "before": round(float(np.mean(hits)), 4),
            "after": round(float(np.mean(after[domain])), 4),
            "forgotten": round(max(0.0, float(np.mean(hits) - np.mean(after[domain]))), 4),
        }
        for domain, hits in sorted(before.items())
    }


def _model(run: Run, data: Dataset, fit: FusionFit) -> FusionModel:
    model = _fused(run, data, fit)
    model.save_parts(run.out)
    return model


def _fused(run: Run, data: Dataset, fit: FusionFit) -> FusionModel:
    recipe = run.recipe.to_dict()
    dims = {m: v.shape[1] for m, v in data.features.items()}
    config = {
        "fusion": recipe["fusion"],
        "graph": recipe["graph"],
        "feature_dims": dims | ({"graph": run.recipe.graph.dim} if fit.gnn is not None else {}),
        "predicates": list(run.snapshot.predicates),
    }
    gnn = fit.gnn
    made = (lambda: gnn) if gnn is not None else None
    return FusionModel(fit.fusion, made, config, Ranking(), "")


def _label_heads(fit: FusionFit, data: Dataset) -> LabelHeads | None:
    if fit.side is None or "labels" not in fit.side.tasks:
        return None
    return LabelHeads.of(cast(LabelTask, fit.side.tasks["labels"]), data.labels)


def _finish(
    run: Run, data: Dataset, fit: FusionFit, model: FusionModel, metrics: Mapping[str, Any]
) -> TrainResult:
    """Write ``release.json`` last: a folder without it is no release."""
    words = SeenWords.fit(data, visible(data, ()))
    model.words = words.words if words is not None else None
    files = model.save_parts(run.out)
    if fit.scorer is not None:
        write_tensors(run.out / "graph" / "scorer.safetensors", fit.scorer.state_dict())
        files.append("graph/scorer.safetensors")
    if (heads := _label_heads(fit, data)) is not None:
        files += heads.save(run.out)
    files += FillIn.of(cast(MaskedTask, fit.tasks["masked"])).save(run.out)
    for modality in run.students:
        kept = sorted((run.out / modality).glob("*.*"))
        files += [f"{modality}/{path.name}" for path in kept if path.suffix in (".json", ".safetensors")]
    if run.tuned:
        files += [f"text/{name}" for name in run.tuned.files]
    write_manifest(
        run.out,
        {
            "files": {name: sha256_of(run.out / name) for name in files},
            "recipe": run.recipe.to_dict(),
            "seed": run.seed,
            "snapshot": {"workspace": run.snapshot.workspace, "revision": run.snapshot.revision},
            "encoders": _encoders(run, data),
            "fusion": {"fingerprint": model.fingerprint, "dim": model.dim, "prefixes": list(model.prefixes)},
            "ranking": model.ranking.to_dict(),
            "metrics": metrics,
        },
    )
    (run.out / "checkpoint.safetensors").unlink(missing_ok=True)
    return TrainResult(run.out, model.fingerprint, metrics)


def _encoders(run: Run, data: Dataset) -> dict[str, dict[str, Any]]:
    """Spec, fingerprint and dimension of each modality's encoder.

    The spec of a student, and of a tuned encoder, is relative to the release.
    """
    chosen = {
        "text": run.recipe.encoders.text,
        "image": run.recipe.encoders.image.encoder,
        "audio": run.recipe.encoders.audio.encoder,
    }
    result = {}
    for modality in data.modalities:
        student = run.students.get(modality)
        tuned = run.tuned if modality == "text" else None
        own = student or tuned
        result[modality] = {
            "spec": f"student:{modality}" if own else chosen[modality],
            "fingerprint": own.fingerprint if own else run.snapshot.encoders.get(modality),
            "dim": int(np.shape(data.features[modality])[1]),
            "text_columns": list(student.text_columns) if student and student.text_columns else None,
        }
    return result
