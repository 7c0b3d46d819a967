"""Trains the picture and the sound encoder of a catalogue without text: what one entity has belongs together."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from chiasm.errors import translated
from chiasm.fusion.recipe import Recipe
from chiasm.training.dataset import Dataset
from chiasm.training.holdout import Visible
from chiasm.training.progress import Stop, Stopped
from chiasm.training.snapshot import SAMPLE_RATE_HZ, Snapshot
from chiasm.training.students import Student, media_of, options_of, student_of, supervision_of

__all__ = ["teaches_pairs", "train_pair"]


def teaches_pairs(snapshot: Snapshot, data: Dataset, seen: Visible, recipe: Recipe) -> bool:
    """Whether students learn from each other: no text teaches them, and an entity has pictures and sounds to train on.

    Args:
        snapshot: With decoded media.
        data: The snapshot's other arrays.
        seen: What training may use.
        recipe: With or without pretrained encoders.
    """
    encoders = recipe.encoders
    if encoders.pairs is None or encoders.image.encoder is not None or encoders.audio.encoder is not None:
        return False
    if data.features or snapshot.images() is None or snapshot.waves() is None:
        return False
    pictures, sounds = (supervision_of(modality, snapshot, data, seen) for modality in ("image", "audio"))
    return bool(np.isin(pictures.owner[pictures.items], sounds.owner[sounds.items]).any())


def train_pair(
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
) -> dict[str, Student]:
    """Train both students together; resumes from their own checkpoint below ``folder``.

    Args:
        snapshot: With decoded pictures and sounds.
        data: The snapshot's other arrays.
        seen: What training may use.
        recipe: With the students' options.
        folder: Gets ``image/`` and ``audio/``.
        seed: Of both.
        report: Share done and losses.
        stop: Asked now and then.
        device: Where to train.

    Returns:
        The students by modality.

    Raises:
        Stopped: ``stop`` said so.
        RecipeError: The recipe has options that they do not know.
    """
    from chiasm_encoders import TrainingStopped
    from chiasm_encoders.distil import (
        AudioStudentConfig,
        ImageStudentConfig,
        PairConfig,
        Pictures,
        Sounds,
        train_paired_students,
    )

    encoders = recipe.encoders
    look = options_of(ImageStudentConfig, encoders.image.student, "encoders.image.student")
    sound = options_of(AudioStudentConfig, encoders.audio.student, "encoders.audio.student")
    config = options_of(PairConfig, {"device": device, **(encoders.pairs or {})}, "encoders.pairs")
    seen_by, heard_by = (supervision_of(modality, snapshot, data, seen) for modality in ("image", "audio"))
    # Translated, being stopped would be an error like any other.
    with translated():
        try:
            folders = train_paired_students(
                Pictures(media_of("image", snapshot), seen_by, look),
                Sounds(media_of("audio", snapshot), SAMPLE_RATE_HZ, heard_by, sound),
                config,
                seed=seed,
                out=folder,
                report=report,
                stop=stop,
            )
        except TrainingStopped:
            raise Stopped from None
    return {modality: student_of(modality, snapshot, where) for modality, where in folders.items()}
