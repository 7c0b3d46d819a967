"""A student that learns to answer as its teachers do: lessons, losses and the run."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from chiasm_encoders.batches import length_batches
from chiasm_encoders.device import mixed_precision
from chiasm_encoders.distil.config import LoopConfig, decisive
from chiasm_encoders.distil.loop import Report, Stop, run_loop
from chiasm_encoders.distil.losses.contrastive import contrastive_loss
from chiasm_encoders.distil.losses.feature import feature_loss
from chiasm_encoders.distil.losses.relational import relational_loss
from chiasm_encoders.errors import SupervisionError
from chiasm_encoders.protocol import Vectors

__all__ = ["ImitationConfig", "Lessons", "imitate", "lesson_identity"]

#: Tokens, padding included, that go through a student at once.
_CELLS = 1024


@dataclass(frozen=True, kw_only=True)
class ImitationConfig(LoopConfig):
    """How a student imitates."""

    epochs: int = 9
    max_steps: int = 3000
    #: The larger, the less the optimizer's pass over a table of all tokens weighs.
    batch: int = 1024
    learning_rate: float = 3e-3
    #: None by default: it would shrink the vectors of tokens that few texts have.
    weight_decay: float = 0.0
    warmup_steps: int = 25
    ema: float = 0.98
    checkpoint_s: float = 60.0
    #: Weights of the losses.
    feature_weight: float = 1.0
    relational_weight: float = 1.0
    contrastive_weight: float = 0.1
    #: Temperature of all similarities.
    temperature: float = 0.05


@dataclass(frozen=True, eq=False)
class Lessons:
    """What the items are, and what the teachers say of each.

    Raises:
        SupervisionError: The teachers do not speak of the same items, or of fewer than two.
    """

    #: Inputs of the student for items `(batch,)`, as its `forward` takes them.
    inputs: Callable[[Tensor], tuple[Tensor, ...]]
    #: Unit vectors `(items, dim)` by each teacher; the first one's space is the student's.
    told: Sequence[Vectors]
    #: Stands for the inputs in the run's identity.
    digest: str
    #: Of each item, `(items,)`: those of like length go through the student together, so that little is padded. None
    #: where all are of one length.
    lengths: npt.NDArray[np.int64] | None = None

    def __post_init__(self) -> None:
        counts = {len(vectors) for vectors in self.told}
        if len(counts) != 1 or min(counts) < 2:
            raise SupervisionError(
                f"teachers speak of {sorted(counts)} items",
                remedy="at least two items are needed, and one vector of each by each teacher",
            )


class _ImitationTask(nn.Module):
    """Lessons and losses of one run, as the loop takes them."""

    def __init__(self, student: nn.Module, lessons: Lessons, config: ImitationConfig) -> None:
        super().__init__()
        self.model = student
        self.items = len(lessons.told[0])
        self._lessons, self._config = lessons, config
        self._told = [torch.from_numpy(np.asarray(vectors, np.float32)) for vectors in lessons.told]
        self._device = next(student.parameters()).device

    def losses(self, rows: Tensor) -> dict[str, Tensor]:
        """Losses by name for items `(batch,)`."""
        config = self._config
        wanted = [told[rows].to(self._device) for told in self._told]
        found = self._answered(rows)
        losses = {
            "feature": feature_loss(found, wanted[0]),
            "relational": relational_loss(found, wanted, config.temperature),
            "contrastive": contrastive_loss(found, wanted[0], config.temperature),
        }
        weights = (config.feature_weight, config.relational_weight, config.contrastive_weight)
        losses["total"] = torch.stack([w * v for w, v in zip(weights, losses.values(), strict=True)]).sum()
        return losses

    def _answered(self, rows: Tensor) -> Tensor:
        """What the student says of items, `(batch, dim)`."""
        lengths = self._lessons.lengths
        pieces = [np.arange(len(rows))] if lengths is None else [*length_batches(lengths[rows], _CELLS)]
        with mixed_precision(self._device, training=True):
            found = [
                self.model(*(part.to(self._device) for part in self._lessons.inputs(rows[piece])))
                for piece in pieces
            ]
        return torch.cat(found).float()[torch.from_numpy(np.argsort(np.concatenate(pieces)))]


def imitate(
    student: nn.Module,
    lessons: Lessons,
    config: ImitationConfig,
    *,
    run: str,
    seed: int,
    out: Path,
    report: Report,
    stop: Stop,
) -> nn.Module:
    """The trained student, in eval mode; resumes from the checkpoint in `out`.

    Args:
        student: Untrained, where it shall be trained.
        lessons: What it is taught.
        config: How.
        run: Identity of the run; a checkpoint of another one is not resumed from.
        seed: Of all draws.
        out: Folder of the checkpoint.
        report: Told progress and losses about once a second.
        stop: Asked before each step.

    Raises:
        TrainingStopped: `stop()` answered true; a checkpoint was written.
    """
    task = _ImitationTask(student, lessons, config)
    checkpoint = out / "checkpoint.safetensors"
    trained = run_loop(task, config, run=run, seed=seed, checkpoint=checkpoint, report=report, stop=stop)
    return trained.eval()


def lesson_identity(lessons: Lessons, config: ImitationConfig, shape: object, seed: int) -> str:
    """SHA-256 over everything that a run's outcome depends on."""
    about = [decisive(config), repr(shape), seed, lessons.digest]
    digest = hashlib.sha256(json.dumps(about).encode())
    for vectors in lessons.told:
        digest.update(np.ascontiguousarray(vectors, np.float32).tobytes())
    return digest.hexdigest()
