"""Training the image student."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn import functional

from chiasm_encoders.device import resolve_device
from chiasm_encoders.distil.config import ImageStudentConfig
from chiasm_encoders.distil.image_augment import augment_pictures
from chiasm_encoders.distil.loop import Report, Stop, run_loop
from chiasm_encoders.distil.mark import is_finished
from chiasm_encoders.distil.objective import Objective
from chiasm_encoders.distil.run import (
    part_columns,
    run_identity,
    write_student,
    write_training_vectors,
)
from chiasm_encoders.distil.supervision import Supervision
from chiasm_encoders.distil.targets import Targets, build_targets
from chiasm_encoders.errors import SupervisionError
from chiasm_encoders.image.preprocess import area_resize, picture_tensor
from chiasm_encoders.image.student import ImageStudent, build_image_student

__all__ = ["ImageTask", "checked_images", "image_shape", "train_image_student"]


def train_image_student(
    images: npt.NDArray[np.uint8],
    supervision: Supervision,
    config: ImageStudentConfig,
    *,
    seed: int,
    out: Path,
    report: Report,
    stop: Stop,
) -> Path:
    """Trains on pictures and leaves `config.json` and `model.safetensors` in `out`, which is returned.

    Beside them lies `training_vectors.safetensors` (`training_vectors` reads it): the training pictures as if
    each had been left out. A model on top learns from these how far a picture can be trusted; the student's
    own answers on pictures that it was fitted to are better than it will ever be again.

    Called again for the same data, configuration and seed it resumes from its checkpoint, or returns at once.

    Args:
        images: `(items, size, size, 3)` uint8, made by `square_picture`; may be a memory map.
        supervision: What teaches.
        config: How.
        seed: Same seed, data and thread count, same student.
        out: Folder of the student.
        report: Told progress and losses about once a second.
        stop: Asked before each step.

    Raises:
        SupervisionError: pictures and supervision do not fit.
        TrainingStopped: `stop()` answered true.
    """
    checked_images(images, supervision)
    run = run_identity(config, supervision, images, seed)
    if is_finished(out, run):
        report(1.0, {})
        return out
    targets = build_targets(supervision, config)
    shape = image_shape(images, targets, config)
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        task = ImageTask(build_image_student(shape), images, supervision, targets, config)
    student = run_loop(
        task, config, run=run, seed=seed, checkpoint=out / "checkpoint.safetensors", report=report, stop=stop
    )
    if not isinstance(student, ImageStudent):
        raise TypeError("the loop returns what it was given")
    left_out = task.fit_closed_form(student, shape["landmarks"], seed)
    write_training_vectors(out, supervision.items, left_out)
    return write_student(out, "image", run, shape, student)


def checked_images(images: npt.NDArray[np.uint8], supervision: Supervision) -> None:
    """Return if the pictures can be trained on.

    Raises:
        SupervisionError: they have another shape or type, or are not as many as the owners.
    """
    if (
        images.ndim != 4
        or images.shape[1] != images.shape[2]
        or images.shape[3] != 3
        or images.dtype != np.uint8
    ):
        raise SupervisionError(f"pictures have shape (items, size, size, 3) in uint8, not {images.shape}")
    if len(images) != len(supervision.owner):
        raise SupervisionError(f"{len(images)} pictures for {len(supervision.owner)} owners")


def image_shape(
    images: npt.NDArray[np.uint8], targets: Targets, config: ImageStudentConfig, pair_dim: int = 0
) -> dict[str, Any]:
    """The `model` entry of the student's configuration."""
    labels = targets.labels.shape[1]
    taught = bool(targets.text_dim or labels)
    own_space = config.instance_dim if config.instance_weight or not (taught or pair_dim) else 0
    sizes = {
        "text": targets.text_dim,
        "graph": config.graph_dim if labels else 0,
        "instance": own_space,
        "pair": pair_dim,
        "detail": config.detail_dim,
    }
    return {
        "stored_size": images.shape[1],
        "size": config.size,
        "trunk": config.trunk,
        "widths": list(config.widths),
        "dropout": config.dropout,
        "text_dim": sizes["text"],
        "graph_dim": sizes["graph"],
        "labels": labels,
        "instance_dim": own_space,
        "pair_dim": pair_dim,
        "detail_dim": config.detail_dim,
        "detail_colour": config.detail_colour,
        "landmarks": min(config.landmarks, len(targets.place)) if taught else 0,
        "weights": {
            "text": config.text_part,
            "graph": config.graph_part,
            "instance": config.instance_part,
            "pair": config.pair_part,
            "detail": config.detail_part,
            "kernel": config.kernel_part,
        },
        "parts": part_columns(sizes),
    }


class ImageTask:
    """Pictures in memory at the trunk's size, and the objective over them."""

    def __init__(
        self,
        model: ImageStudent,
        images: npt.NDArray[np.uint8],
        supervision: Supervision,
        targets: Targets,
        config: ImageStudentConfig,
    ) -> None:
        self._device = resolve_device(config.device)
        self._config = config
        self._images, self._rows = images, supervision.items
        self.items = len(self._rows)
        self.model: ImageStudent = model.to(self._device).to(memory_format=torch.channels_last)
        self.objective = Objective(targets, config).to(self._device)
        # One byte a value: 100,000 pictures of 64 pixels are 1.2 GB.
        self._small = torch.cat([self._resized(start, config.size) for start in range(0, self.items, 256)])

    def losses(self, rows: Tensor) -> dict[str, Tensor]:
        """Losses by name for augmented pictures of the items."""
        config, objective = self._config, self.objective
        rows = rows.to(self._device)
        views = rows.repeat(2) if objective.two_views else rows
        pictures = self.augmented(views)
        wanted = objective.wanted(views)
        if float(torch.rand(())) < config.mixup:
            share = 0.5 + 0.5 * float(torch.rand(()))
            other = torch.randperm(len(rows), device=self._device)
            if objective.two_views:  # both views of an item get the same partner
                other = torch.cat([other, other + len(rows)])
            pictures = share * pictures + (1 - share) * pictures[other]
            wanted = wanted.mixed(other, share)
        return objective(self.model.learned(pictures), self.model.heads, wanted)

    def augmented(self, rows: Tensor) -> Tensor:
        """Augmented pictures of items `(batch,)`, `(batch, 3, size, size)` in [0, 1]."""
        pictures = self._small[rows].float().div_(255)
        return augment_pictures(pictures, strength=self._config.augment, mirror=self._config.mirror)

    @torch.no_grad()
    def fit_closed_form(self, student: ImageStudent, landmarks: int, seed: int) -> Tensor:
        """Fits the trained student's detail axes and regression; vectors of its pictures as if left out."""
        pictures = (
            torch.cat([self._resized(start, 64) for start in range(0, self.items, 256)]).float().div_(255)
        )
        generator = torch.Generator().manual_seed(seed)
        rows = torch.randperm(self.items, generator=generator)[:landmarks].sort().values.to(self._device)
        objective = self.objective
        place, labels = objective.get_buffer("place"), objective.get_buffer("labels")
        text = objective.bank[place.clamp(min=0)] * (place >= 0)[:, None] if len(objective.bank) else None
        graph = functional.normalize(labels @ functional.normalize(student.heads.prototypes, dim=1), dim=1)
        if text is None:
            text = torch.zeros(self.items, student.heads.sizes.text, device=self._device)
        targets = torch.cat([text, graph], 1)
        centred = targets - targets.mean(0) if self.items > 1 else targets
        student.eval()
        return student.fit_closed_form(pictures, centred, rows, ridge=self._config.ridge)

    def _resized(self, start: int, size: int) -> Tensor:
        piece = picture_tensor(self._images[self._rows[start : start + 256]])
        return area_resize(piece.to(self._device), size).mul_(255).round_().byte()
