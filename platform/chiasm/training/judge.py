"""Judge a finished release again, on a snapshot of any later revision."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import Tensor

from chiasm.errors import StampError
from chiasm.fusion.checkpoints import read_tensors
from chiasm.fusion.manifest import read_manifest, verify_files
from chiasm.fusion.runtime import FusionModel
from chiasm.training.dataset import Dataset
from chiasm.training.evaluation import Bench, evaluate
from chiasm.training.frozen import Judged, judge_frozen
from chiasm.training.holdout import visible
from chiasm.training.label_heads import LabelHeads
from chiasm.training.labels import with_labels
from chiasm.training.links import link_metrics
from chiasm.training.lists import with_lists
from chiasm.training.losses_file import LOSSES_FILE, read_curves
from chiasm.training.snapshot import Snapshot
from chiasm_graph import ComplexScorer

__all__ = ["judge_again", "judge_release", "open_benches"]


def judge_release(
    snapshot: Path, folder: Path, text_encoder: str | None = None, device: str = "cpu"
) -> dict[str, Any]:
    """The report of a release on the held-out part of a snapshot, as in ``chiasm evaluate --json``.

    The split is a hash of content, so what was held out in training is held out here.

    Args:
        snapshot: Folder whose features were made by the release's own encoders.
        folder: The release's model folder.
        text_encoder: Spec of the encoder of the text features, where it is not the release's own.
        device: Where to compute, as for `train`.

    Raises:
        DamagedError: A file of the release differs from its checksum.
        StampError: A modality's features were made by another encoder.
    """
    valid, test = open_benches(snapshot, folder, text_encoder, device)
    release = read_manifest(folder)
    links: dict[str, float] = {}
    scorer = folder / "graph" / "scorer.safetensors"
    if scorer.is_file():
        links = link_metrics(test.model, _scorer(read_tensors(scorer)), test.data, test.seen, "test")
    heads = LabelHeads.load(folder)
    report = evaluate(test, valid, links, heads.heads(test.data.labels) if heads else None)
    report["training"] = read_curves(folder / LOSSES_FILE)
    return {**report, "snapshot": Snapshot.open(snapshot).revision, "students": _students(release)}


def open_benches(
    snapshot: Path, folder: Path, text_encoder: str | None = None, device: str = "cpu"
) -> tuple[Bench, Bench]:
    """A release with the valid and the test queries of a snapshot; arguments and errors as of `judge_release`."""
    model, data = _loaded(
        Snapshot.open(snapshot),
        verify_files(folder, "graph/", "labels/", LOSSES_FILE),
        folder,
        text_encoder,
        device,
    )
    hidden = visible(data, ("valid", "test"))
    return Bench(model, data, hidden, "valid"), Bench(model, data, visible(data, ("test",)), "test")


def _loaded(
    source: Snapshot, release: Mapping[str, Any], folder: Path, text_encoder: str | None, device: str
) -> tuple[FusionModel, Dataset]:
    for modality, stamp in source.encoders.items():
        wanted = release["encoders"].get(modality, {}).get("fingerprint")
        if wanted not in (None, stamp):
            raise StampError(f"{modality} features are of another encoder", where=str(source.path))
    columns = {
        modality: (int(found[0]), int(found[1]))
        for modality, entry in release["encoders"].items()
        # Named so before students could be a pair.
        if (found := entry.get("shared_columns") or entry.get("text_columns"))
    }
    data = Dataset.read(source, shared_columns=columns)
    own = release["encoders"].get("text", {}).get("spec") == "student:text"
    spec = f"student:{folder / 'text'}" if own else text_encoder
    if spec:
        data = with_lists(data, visible(data, ("valid", "test")), spec, source.encoders.get("text"), device)
    return FusionModel.load(folder, device), with_labels(data, source, _still_there(source, release))


def _students(release: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Rows of the release's students; one that was distilled later stands for those of its modality."""
    later = release.get("students", {})
    first = [row for row in release["metrics"].get("students", []) if row["modality"] not in later]
    return [*first, *(dict(entry["report"]) for entry in later.values())]


def _still_there(snapshot: Snapshot, release: Mapping[str, Any]) -> list[str]:
    """Targets of the release's recipe that the catalog still has."""
    names = release["recipe"].get("labels", {}).get("targets", ())
    known = {*snapshot.predicates, *snapshot.column("attributes", "name").tolist()}
    return [name for name in names if name in known]


def judge_again(
    snapshot: Path,
    folder: Path,
    active: Judged | None,
    text_encoder: str | None = None,
    device: str = "cpu",
) -> Judged:
    """How a release answers the queries of the one that is active, which may not be the one it was trained beside.

    Args:
        snapshot: Folder whose features were made by the release's own encoders.
        folder: The release's model folder.
        active: What the active release was judged on.
        text_encoder: As for `judge_release`.
        device: Likewise.

    Raises:
        DamagedError: A file of the release differs from its checksum.
        StampError: A modality's features were made by another encoder.
    """
    data_source = Snapshot.open(snapshot)
    model, data = _loaded(data_source, verify_files(folder, "judge/"), folder, text_encoder, device)
    return judge_frozen(Bench(model, data, visible(data, ("test",)), "test"), data_source, active)


def _scorer(tensors: dict[str, Tensor]) -> ComplexScorer:
    relations, half = tensors["real"].shape
    scorer = ComplexScorer(relations, 2 * half)
    scorer.load_state_dict(tensors)
    return scorer
