"""Trains picture and sound encoders where no pretrained ones are used, and encodes the snapshot's media."""

from __future__ import annotations

import dataclasses
import itertools
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from chiasm.errors import RecipeError, translated
from chiasm.fusion.recipe import Recipe
from chiasm.training.dataset import Dataset
from chiasm.training.holdout import Visible
from chiasm.training.progress import Stop, Stopped
from chiasm.training.snapshot import SAMPLE_RATE_HZ, Snapshot
from chiasm_graph import Triples

if TYPE_CHECKING:
    from chiasm_encoders.distil import Supervision

__all__ = ["Student", "media_of", "options_of", "student_of", "supervision_of", "train_student"]

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Student:
    """A trained encoder and what it says about the snapshot's media."""

    modality: str
    folder: Path
    fingerprint: str
    #: (rows, dim)
    features: Floats
    #: Columns that lie in the text teacher's space, or in that of a pair of students, ``(start, stop)``; None without
    shared_columns: tuple[int, int] | None
    #: Size on disk, and time for one item on this machine
    megabytes: float
    milliseconds: float

    def report(self) -> dict[str, Any]:
        """Its row in the metrics of a release."""
        size, took = round(self.megabytes, 2), round(self.milliseconds, 2)
        return {"modality": self.modality, "mb": size, "ms": took, "retention": None}


def train_student(
    modality: str,
    snapshot: Snapshot,
    data: Dataset,
    seen: Visible,
    recipe: Recipe,
    *,
    folder: Path,
    seed: int,
    report: Callable[[float, Mapping[str, Any]], None],
    stop: Stop,
    device: str = "cpu",
) -> Student:
    """Train one student; resumes from its own checkpoint in ``folder``.

    Args:
        modality: "image" or "audio"; the snapshot has decoded media of it.
        snapshot: With the media.
        data: The snapshot's other arrays; texts are the teacher.
        seen: What training may use.
        recipe: With the student's options.
        folder: The student's own.
        seed: Of the student.
        report: Share done and losses.
        stop: Asked now and then.
        device: Where to train.

    Raises:
        Stopped: ``stop`` said so.
        RecipeError: The recipe has options that the student does not know.
    """
    from chiasm_encoders import TrainingStopped
    from chiasm_encoders.distil import (
        AudioStudentConfig,
        ImageStudentConfig,
        train_audio_student,
        train_image_student,
    )

    supervision = supervision_of(modality, snapshot, data, seen)
    media = media_of(modality, snapshot)
    options = recipe.encoders.image.student if modality == "image" else recipe.encoders.audio.student
    options = {"device": device, **options}
    common: dict[str, Any] = {"seed": seed, "out": folder, "report": report, "stop": stop}
    # Translated, being stopped would be an error like any other.
    with translated():
        try:
            if modality == "image":
                look = options_of(ImageStudentConfig, options, "encoders.image.student")
                train_image_student(media, supervision, look, **common)
            else:
                config = options_of(AudioStudentConfig, options, "encoders.audio.student")
                train_audio_student(media, SAMPLE_RATE_HZ, supervision, config, **common)
        except TrainingStopped:
            raise Stopped from None
    return student_of(modality, snapshot, folder)


def student_of(modality: str, snapshot: Snapshot, folder: Path) -> Student:
    """A student that was trained, and what it says about the snapshot's media.

    Args:
        modality: "image" or "audio"; the snapshot has decoded media of it.
        snapshot: With the media.
        folder: The student's own.
    """
    from chiasm_encoders import load_encoder

    with translated():
        encoder: Any = load_encoder(f"student:{folder}", device="cpu")
        items = _decoded(modality, media_of(modality, snapshot))
        started = time.perf_counter()
        for item in items[:5]:
            encoder.encode([item])
        milliseconds = (time.perf_counter() - started) / max(1, len(items[:5])) * 1000
        parts = [encoder.encode(items[at : at + 256]) for at in range(0, len(items), 256)]
    weights = folder / "model.safetensors"
    spans = getattr(encoder, "parts", {})
    shared = [span for name in ("text", "pair") if (span := spans.get(name)) and span[1] > span[0]]
    return Student(
        modality,
        folder,
        encoder.fingerprint,
        np.concatenate([np.zeros((0, encoder.dim), np.float32), *parts]),
        shared[0] if shared else None,
        weights.stat().st_size / 1e6,
        milliseconds,
    )


def supervision_of(modality: str, snapshot: Snapshot, data: Dataset, seen: Visible) -> Supervision:
    """What teaches a modality's student: owners, texts and neighbours of what training may use.

    Args:
        modality: "image" or "audio"; the snapshot has decoded media of it.
        snapshot: With the media.
        data: The snapshot's other arrays.
        seen: What training may use.
    """
    from chiasm_encoders.distil import Supervision

    mine = snapshot.column("assets", "modality") == modality
    rows = snapshot.column("assets", "row")[mine].astype(np.int64)
    count = int(rows.max()) + 1
    owner = np.zeros(count, dtype=np.int64)
    owner[rows] = snapshot.column("assets", "entity")[mine]
    split = np.empty(count, dtype=object)
    split[rows] = snapshot.column("assets", "split")[mine]
    of_owner = data.entity_split[owner]
    split = np.where(of_owner != "train", of_owner, split)
    targets = None
    if "text" in data.features:
        values, present = _lent(*data.pooled(seen.assets)["text"], seen.graph)
        targets = np.where(present[:, None], values, np.float32("nan"))
    adjacency = seen.graph.adjacency
    train, valid = split == "train", split == "valid"
    return Supervision(owner, targets, (adjacency.indptr, adjacency.neighbour), train, valid)


def _lent(
    values: Floats, present: npt.NDArray[np.bool_], graph: Triples
) -> tuple[Floats, npt.NDArray[np.bool_]]:
    """Mean texts of entities ``(entities, dim)`` and who has any; those without are known by their neighbours' texts.

    A neighbour of many says less of each: it counts by one over the root of its degree.
    """
    ends = np.concatenate([graph.heads, graph.tails]), np.concatenate([graph.tails, graph.heads])
    degree = np.bincount(ends[1], minlength=len(values))
    lends = ~present[ends[0]] & present[ends[1]]
    here, there = (end[lends] for end in ends)
    filled = np.array(values, dtype=np.float32)
    np.add.at(filled, here, values[there] / np.sqrt(degree[there])[:, None])
    known = present.copy()
    known[here] = True
    length = np.linalg.norm(filled, axis=1, keepdims=True)
    borrowed = known & ~present
    filled[borrowed] /= np.maximum(length[borrowed], 1e-12)
    return filled, known


def media_of(modality: str, snapshot: Snapshot) -> Any:
    """Decoded pictures or sounds of a snapshot, as a student's training takes them."""
    return snapshot.images() if modality == "image" else snapshot.waves()


def _decoded(modality: str, media: Any) -> list[Any]:
    """Items as an encoder takes them."""
    from chiasm_encoders import Waveform

    if modality == "image":
        return list(media)
    flat, offsets = media
    spans = itertools.pairwise(offsets)
    return [Waveform(flat[a:b].astype(np.float32) / 32768, SAMPLE_RATE_HZ) for a, b in spans]


def options_of(kind: type[Any], options: Mapping[str, Any], where: str) -> Any:
    """A student's configuration with the options of a recipe.

    Args:
        kind: Dataclass of the configuration.
        options: By name.
        where: Their place in the recipe.

    Raises:
        RecipeError: There is no such option.
    """
    known = {field.name for field in dataclasses.fields(kind)}
    unknown = sorted(set(options) - known)
    if unknown:
        raise RecipeError(
            f"unknown key {', '.join(unknown)}",
            where=where,
            remedy=f"known keys are {', '.join(sorted(known))}",
        )
    return kind(**{k: tuple(v) if isinstance(v, list) else v for k, v in options.items()})
