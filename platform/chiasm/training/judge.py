"""Judge a finished release again, on a snapshot of any later revision."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from torch import Tensor

from chiasm.errors import StampError
from chiasm.fusion.checkpoints import read_tensors
from chiasm.fusion.manifest import verify_files
from chiasm.fusion.runtime import FusionModel
from chiasm.training.dataset import Dataset
from chiasm.training.evaluation import Bench, evaluate
from chiasm.training.frozen import Judged, judge_frozen
from chiasm.training.holdout import visible
from chiasm.training.links import link_metrics
from chiasm.training.lists import with_lists
from chiasm.training.snapshot import Snapshot
from chiasm_graph import ComplexScorer

__all__ = ["judge_again", "judge_release"]


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
    release = verify_files(folder, "graph/")
    model, data = _loaded(data_source, release, folder, text_encoder)
    valid = Bench(model, data, visible(data, ("valid", "test")), "valid")
    known = visible(data, ("test",))
    links: dict[str, float] = {}
    scorer = folder / "graph" / "scorer.safetensors"
    if scorer.is_file():
        links = link_metrics(model, _scorer(read_tensors(scorer)), data, known, "test")
    report = evaluate(Bench(model, data, known, "test"), valid, links)
    return {**report, "snapshot": data_source.revision, "students": release["metrics"].get("students", [])}


def judge_again(
    snapshot: Path, folder: Path, active: Judged | None, text_encoder: str | None = None
) -> Judged:
    """How a release answers the queries of the one that is active, which may not be the one it was trained beside.

    Args:
        snapshot: Folder whose features were made by the release's own encoders.
        folder: The release's model folder.
        active: What the active release was judged on.
        text_encoder: As for `judge_release`.

    Raises:
        DamagedError: A file of the release differs from its checksum.
        StampError: A modality's features were made by another encoder.
    """
    data_source = Snapshot.open(snapshot)
    model, data = _loaded(data_source, verify_files(folder, "judge/"), folder, text_encoder)
    return judge_frozen(Bench(model, data, visible(data, ("test",)), "test"), data_source, active)


def _loaded(
    data_source: Snapshot, release: dict[str, Any], folder: Path, text_encoder: str | None
) -> tuple[FusionModel, Dataset]:
    for modality, stamp in data_source.encoders.items():
        wanted = release["encoders"].get(modality, {}).get("fingerprint")
        if wanted not in (None, stamp):
            raise StampError(f"{modality} features are of another encoder", where=str(data_source.path))
    columns = {
        modality: (int(found[0]), int(found[1]))
        for modality, entry in release["encoders"].items()
        if (found := entry.get("text_columns"))
    }
    data = Dataset.read(data_source, text_columns=columns)
    own = release["encoders"].get("text", {}).get("spec") == "student:text"
    spec = f"student:{folder / 'text'}" if own else text_encoder
    if spec:
        hidden = visible(data, ("valid", "test"))
        data = with_lists(data, hidden, spec, data_source.encoders.get("text"))
    return FusionModel.load(folder), data


def _scorer(tensors: dict[str, Tensor]) -> ComplexScorer:
    relations, half = tensors["real"].shape
    scorer = ComplexScorer(relations, 2 * half)
    scorer.load_state_dict(tensors)
    return scorer
