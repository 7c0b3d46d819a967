"""Judge a finished release again, on a snapshot of any later revision."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import Tensor

from chiasm.errors import StampError
from chiasm.fusion.checkpoints import read_tensors
from chiasm.fusion.manifest import verify_files
from chiasm.fusion.runtime import FusionModel
from chiasm.training.dataset import Dataset
from chiasm.training.evaluation import Bench, evaluate
from chiasm.training.holdout import visible
from chiasm.training.label_heads import LabelHeads
from chiasm.training.labels import with_labels
from chiasm.training.links import link_metrics
from chiasm.training.lists import with_lists
from chiasm.training.losses_file import LOSSES_FILE, read_curves
from chiasm.training.snapshot import Snapshot
from chiasm_graph import ComplexScorer

__all__ = ["judge_release"]


def judge_release(snapshot: Path, folder: Path, text_encoder: str | None = None) -> dict[str, Any]:
    """The report of a release on the held-out part of a snapshot, as in ``chiasm evaluate --json``.

    The split is a hash of content, so what was held out in training is held out here.

    Args:
        snapshot: Folder whose features were made by the release's own encoders.
        folder: The release's model folder.
        text_encoder: Spec of the encoder of the text features, where it is not the release's own.

    Raises:
        DamagedError: A file of the release differs from its checksum.
        StampError: A modality's features were made by another encoder.
    """
    data_source = Snapshot.open(snapshot)
    release = verify_files(folder, "graph/", "labels/")
    for modality, stamp in data_source.encoders.items():
        wanted = release["encoders"].get(modality, {}).get("fingerprint")
        if wanted not in (None, stamp):
            raise StampError(f"{modality} features are of another encoder", where=str(snapshot))
    columns = {
        modality: (int(found[0]), int(found[1]))
        for modality, entry in release["encoders"].items()
        if (found := entry.get("text_columns"))
    }
    model = FusionModel.load(folder)
    data = Dataset.read(data_source, text_columns=columns)
    hidden = visible(data, ("valid", "test"))
    own = release["encoders"].get("text", {}).get("spec") == "student:text"
    spec = f"student:{folder / 'text'}" if own else text_encoder
    if spec:
        data = with_lists(data, hidden, spec, data_source.encoders.get("text"))
    data = with_labels(data, data_source, _still_there(data_source, release))
    valid = Bench(model, data, hidden, "valid")
    known = visible(data, ("test",))
    links: dict[str, float] = {}
    scorer = folder / "graph" / "scorer.safetensors"
    if scorer.is_file():
        links = link_metrics(model, _scorer(read_tensors(scorer)), data, known, "test")
    heads = LabelHeads.load(folder)
    report = evaluate(
        Bench(model, data, known, "test"), valid, links, heads.heads(data.labels) if heads else None
    )
    report["training"] = read_curves(folder / LOSSES_FILE)
    return {**report, "snapshot": data_source.revision, "students": release["metrics"].get("students", [])}


def _still_there(snapshot: Snapshot, release: Mapping[str, Any]) -> list[str]:
    """Targets of the release's recipe that the catalog still has."""
    names = release["recipe"].get("labels", {}).get("targets", ())
    known = {*snapshot.predicates, *snapshot.column("attributes", "name").tolist()}
    return [name for name in names if name in known]


def _scorer(tensors: dict[str, Tensor]) -> ComplexScorer:
    relations, half = tensors["real"].shape
    scorer = ComplexScorer(relations, 2 * half)
    scorer.load_state_dict(tensors)
    return scorer
