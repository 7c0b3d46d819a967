"""From a snapshot to the model folder of a release, in resumable stages."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, cast

import numpy as np

from chiasm.fusion.checkpoints import sha256_of, write_tensors
from chiasm.fusion.filling import FillIn
from chiasm.fusion.manifest import write_manifest
from chiasm.fusion.ranking import Ranking
from chiasm.fusion.recipe import Recipe
from chiasm.fusion.runtime import FusionModel
from chiasm.fusion.tasks import LabelTask, MaskedTask
from chiasm.training.board import require_tensorboard
from chiasm.training.calibration_data import fit_on
from chiasm.training.dataset import Dataset
from chiasm.training.evaluation import Bench, evaluate, fused_hits
from chiasm.training.features import encoders_of, features_of, text_spec
from chiasm.training.fitting import FusionFit, build_fit
from chiasm.training.frozen import Judged, judge_frozen
from chiasm.training.holdout import Visible, visible
from chiasm.training.label_heads import LabelHeads
from chiasm.training.labels import with_labels
from chiasm.training.links import link_metrics
from chiasm.training.lists import with_lists
from chiasm.training.loop import run_loop
from chiasm.training.losses_file import LOSSES_FILE, read_curves
from chiasm.training.paths import path_coder
from chiasm.training.progress import Report, Stop
from chiasm.training.run import Run
from chiasm.training.snapshot import Snapshot
from chiasm.training.views import ViewSampler
from chiasm.training.warm_start import WarmStart
from chiasm.training.words import SeenWords
from chiasm_encoders.device import resolve_device

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
    active: Path | None = None,
    parent: Path | None = None,
    board: Path | None = None,
    device: str = "cpu",
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
        active: Folder of the release that answers now, on whose queries this one is judged too.
        parent: Model folder of a release to go on from: its own encoders are kept, its weights trained on.
        board: Folder of TensorBoard's event files; None writes none.
        device: Where to train: "auto" (a GPU if there is one), "cpu", "cuda" or "cuda:N".

    Raises:
        Stopped: ``stop`` said so.
        InputError: The snapshot has nothing to learn from.
        DamagedError: The snapshot or a checkpoint differs from its checksum.
        StampError: The parent's model was trained with features of another encoder.
        MissingDependencyError: There is a ``board``, but no TensorBoard.
    """
    if board is not None:
        require_tensorboard()
    begun = WarmStart.open(parent, recipe) if parent is not None else None
    run = Run(
        Snapshot.open(snapshot), Path(out), recipe, seed, report, stop, text_encoder, begun, board, device
    )
    if (done := run.begin()) is not None:
        return TrainResult(run.out, done["fusion"]["fingerprint"], done["metrics"])
    data = features_of(run)
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
    bench = Bench(model, data, known, "test")
    heads = _label_heads(fit, data)
    metrics = evaluate(bench, valid, links, heads.heads(data.labels) if heads else None)
    if run.parent is not None:
        metrics["start"] = _compared(run, data, known, model)
    metrics["training"] = read_curves(run.out / LOSSES_FILE)
    judged = judge_frozen(bench, run.snapshot, Judged.read(active) if active is not None else None)
    metrics["snapshot"] = run.snapshot.revision
    metrics["students"] = [student.report() for student in run.students.values()]
    evaluation_report(1.0, {})
    return _finish(run, data, fit, model, metrics, judged)


def _listed(run: Run, data: Dataset, seen: Visible) -> Dataset:
    if run.tuned:
        return with_lists(data, seen, f"student:{run.tuned.folder}", run.tuned.fingerprint, run.device)
    return with_lists(data, seen, text_spec(run), run.snapshot.encoders.get("text"), run.device)


def _fit(run: Run, data: Dataset, seen: Visible) -> FusionFit:
    paths = path_coder(run.recipe.graph.paths, seen.graph, run.snapshot.predicates, data.modalities)
    sampler = ViewSampler(data, seen.assets, seen.graph, run.recipe, run.seed, paths)
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
        board=run.board,
        judge=partial(_figure, run, data, seen),
        device=resolve_device(run.device),
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
    fit.to(resolve_device(run.device))
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
    if fit.paths is not None:
        config["feature_dims"] |= {"path": dims["text"]}
        config["paths"] = [list(tree) for tree in fit.paths.trees]
    gnn = fit.gnn
    made = (lambda: gnn) if gnn is not None else None
    return FusionModel(fit.fusion, made, config, Ranking(), "")


def _label_heads(fit: FusionFit, data: Dataset) -> LabelHeads | None:
    if fit.side is None or "labels" not in fit.side.tasks:
        return None
    return LabelHeads.of(cast(LabelTask, fit.side.tasks["labels"]), data.labels)


def _finish(
    run: Run,
    data: Dataset,
    fit: FusionFit,
    model: FusionModel,
    metrics: Mapping[str, Any],
    judged: Judged,
) -> TrainResult:
    """Write ``release.json`` last: a folder without it is no release."""
    words = SeenWords.fit(data, visible(data, ()))
    model.words = words.words if words is not None else None
    files = [*model.save_parts(run.out), judged.write(run.out)]
    if (run.out / LOSSES_FILE).is_file():
        files.append(LOSSES_FILE)
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
            "encoders": encoders_of(run, data),
            "fusion": {"fingerprint": model.fingerprint, "dim": model.dim, "prefixes": list(model.prefixes)},
            "ranking": model.ranking.to_dict(),
            "metrics": metrics,
        },
    )
    (run.out / "checkpoint.safetensors").unlink(missing_ok=True)
    return TrainResult(run.out, model.fingerprint, metrics)
