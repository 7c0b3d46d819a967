"""What can be set about the training of a student."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

__all__ = [
    "AudioStudentConfig",
    "ImageStudentConfig",
    "LoopConfig",
    "PairConfig",
    "StudentConfig",
    "decisive",
]


def decisive(config: Any) -> dict[str, Any]:
    """What a run is recognised by when it is taken up again: all of a configuration but the device.

    A training that was stopped on one machine goes on with another one's, and what had ended there is not begun anew.
    """
    return dataclasses.asdict(dataclasses.replace(config, device="auto"))


@dataclass(frozen=True, kw_only=True)
class LoopConfig:
    """What the loop itself reads."""

    #: Passes over the training items, unless `max_steps` ends it before.
    epochs: int = 60
    max_steps: int = 2000
    #: Items in a step. With `instance_weight` each is seen in two views.
    batch: int = 128
    learning_rate: float = 3e-3
    weight_decay: float = 0.05
    warmup_steps: int = 80
    ema: float = 0.998
    #: Seconds between checkpoints.
    checkpoint_s: float = 15.0
    device: str = "auto"


@dataclass(frozen=True, kw_only=True)
class PairConfig(LoopConfig):
    """How pictures and sounds of one entity teach each other."""

    #: Items in a step; each brings another of its entity along.
    batch: int = 64
    learning_rate: float = 2e-3
    ema: float = 0.99
    #: Length of the part of the vectors that both students share.
    dim: int = 64
    temperature: float = 0.1
    #: Weight of agreement within a modality against agreement between the two.
    within: float = 1.0


@dataclass(frozen=True, kw_only=True)
class StudentConfig(LoopConfig):
    """What students of pictures and sounds share."""

    #: "residual" or "timm/ARCHITECTURE".
    trunk: str = "residual"
    #: Channels of the residual trunk's blocks.
    widths: tuple[int, ...] = (48, 96, 192, 384)
    dropout: float = 0.2
    #: Share of steps whose items are mixed in pairs.
    mixup: float = 0.5
    #: Strength of the augmentation, 1 as tuned, 0 none.
    augment: float = 1.0
    #: Weights of the losses; a loss without its data (no text, no graph) is left out.
    text_weight: float = 1.0
    graph_weight: float = 1.0
    #: Two views of an item against those of others. With neither text nor graph it is always on.
    instance_weight: float = 0.0
    #: Temperature of the student's similarities, and of the teacher's that it shall match.
    text_temperature: float = 0.07
    teacher_temperature: float = 0.07
    graph_temperature: float = 0.1
    instance_temperature: float = 0.1
    #: Length of the graph and of the instance part.
    graph_dim: int = 128
    instance_dim: int = 64
    #: Weight of the pair part, of students that are trained together, in the vector.
    pair_part: float = 0.9
    #: At most so many graph nodes supervise, the most frequent; a node of a single training item teaches
    #: nothing.
    max_labels: int = 4096
    #: At most so many entities' texts are contrasted in a step.
    max_bank: int = 4096


@dataclass(frozen=True, kw_only=True)
class ImageStudentConfig(StudentConfig):
    """The image student, tuned on 1,331 drawings and two and a half minutes of two cores."""

    #: Pixels along a side while training.
    size: int = 64
    #: Share of pictures mirrored.
    mirror: float = 0.5
    #: Landmarks of the kernel regression; 0 leaves it out.
    landmarks: int = 2048
    ridge: float = 0.03
    #: Length of the detail part, 48 of it colour, and the colour's weight in it.
    detail_dim: int = 176
    detail_colour: float = 0.3
    #: Weight of the parts in the vector, and of the kernel regression against the trunk.
    text_part: float = 0.5
    graph_part: float = 0.5
    instance_part: float = 0.3
    detail_part: float = 0.9
    kernel_part: float = 1.5


@dataclass(frozen=True, kw_only=True)
class AudioStudentConfig(StudentConfig):
    """The audio student, tuned on 320 clips of 5 s and two minutes of two cores."""

    widths: tuple[int, ...] = (32, 64, 128, 256)
    batch: int = 32
    epochs: int = 150
    learning_rate: float = 2e-3
    warmup_steps: int = 60
    dropout: float = 0.3
    mixup: float = 0.7
    text_weight: float = 0.3
    text_temperature: float = 0.1
    teacher_temperature: float = 0.1
    ema: float = 0.995
    stem_stride: int = 2
    #: Bands of pitch, and samples between windows at the rate of the training clips; None: by the length of the clips,
    #: 64 and 320, or 40 and 400 where most last less than two seconds. Such clips are words, which a coarser grid tells
    #: apart across voices (of 1,870 names in two voices that were not heard, one in three among ten instead of one in
    #: five); the noises of longer ones need the finer (class of the nearest clip .96 instead of .89).
    mels: int | None = None
    hop: int | None = None
    #: Samples of a window.
    window: int = 1024
    #: Longest part of a clip that is used, and the share of it seen in one step.
    clip_s: float = 5.0
    crop: float = 0.75
    text_part: float = 0.4
    graph_part: float = 0.9
    instance_part: float = 0.3
