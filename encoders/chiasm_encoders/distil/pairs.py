"""Training the image and the audio student together, with no teacher but what belongs together."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from chiasm_encoders.audio.student import AudioStudent, build_audio_student
from chiasm_encoders.distil.audio import AudioTask, audio_shape, checked_clips
from chiasm_encoders.distil.clips import ClipSource
from chiasm_encoders.distil.config import AudioStudentConfig, ImageStudentConfig, PairConfig, decisive
from chiasm_encoders.distil.image import ImageTask, checked_images, image_shape
from chiasm_encoders.distil.loop import Report, Stop, run_loop
from chiasm_encoders.distil.losses.same_entity import same_entity_loss
from chiasm_encoders.distil.mark import is_finished
from chiasm_encoders.distil.run import run_identity, write_student, write_training_vectors
from chiasm_encoders.distil.supervision import Supervision
from chiasm_encoders.distil.targets import build_targets
from chiasm_encoders.errors import SupervisionError
from chiasm_encoders.image.student import ImageStudent, build_image_student

__all__ = ["Pictures", "Sounds", "train_paired_students"]


@dataclass(frozen=True, eq=False)
class Pictures:
    """What the image student learns from, as `train_image_student` takes it."""

    #: `(items, size, size, 3)` uint8.
    images: npt.NDArray[np.uint8]
    supervision: Supervision
    #: Shape and augmentation; its loop is the pair's.
    config: ImageStudentConfig = field(default_factory=ImageStudentConfig)


@dataclass(frozen=True, eq=False)
class Sounds:
    """What the audio student learns from, as `train_audio_student` takes it."""

    waves: ClipSource
    sample_rate_hz: int
    supervision: Supervision
    #: Shape and augmentation; its loop is the pair's.
    config: AudioStudentConfig = field(default_factory=AudioStudentConfig)


def train_paired_students(
    pictures: Pictures,
    sounds: Sounds,
    config: PairConfig,
    *,
    seed: int,
    out: Path,
    report: Report,
    stop: Stop,
) -> dict[str, Path]:
    """Trains both students and leaves them in `out/image` and `out/audio`; the two folders by modality.

    What teaches is `Supervision.owner` alone: two items belong together if one entity owns both, whether they
    are two pictures, two sounds or one of each. Each item of a step brings another of its entity along, of the
    other modality where the entity has one, so that a catalogue of a picture and a sound an entity is learned
    from as well as one of a few entities with hundreds of each. Nothing is predicted: there is no output for an
    entity, so entities that come later are as near to a query as those that taught. Where the supervision has
    text vectors or graph neighbours, their losses are added as they are for a student alone.

    Called again for the same data, configurations and seed it resumes from its checkpoint, or returns at once.

    Args:
        pictures: Of the image student.
        sounds: Of the audio student; its supervision counts the same entities.
        config: The loop of both, and how they agree.
        seed: Same seed, data and thread count, same students.
        out: Folder of both.
        report: Told progress and losses about once a second.
        stop: Asked before each step.

    Raises:
        SupervisionError: media and supervision do not fit, or no entity has both to train on.
        TrainingStopped: `stop()` answered true.

    References:
        Radford et al. 2021 (CLIP: two towers from pairs); Khosla et al. 2020 (many positives a batch).
    """
    checked_images(pictures.images, pictures.supervision)
    clips = checked_clips(sounds.waves, sounds.supervision)
    owners = _owners(pictures.supervision, sounds.supervision)
    run = _identity(pictures, sounds, clips.identity(), config, seed)
    folders = {"image": out / "image", "audio": out / "audio"}
    if all(is_finished(folder, run) for folder in folders.values()):
        report(1.0, {})
        return folders
    seen = build_targets(pictures.supervision, pictures.config)
    heard = build_targets(sounds.supervision, sounds.config)
    image_config = dataclasses.replace(pictures.config, device=config.device)
    audio_config = dataclasses.replace(sounds.config, device=config.device)
    look = image_shape(pictures.images, seen, image_config, config.dim)
    rate = sounds.sample_rate_hz
    sound = audio_shape(clips, sounds.supervision, rate, heard, audio_config, config.dim)
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        models = build_image_student(look), build_audio_student(sound)
    image = ImageTask(models[0], pictures.images, pictures.supervision, seen, image_config)
    samples = round(sound["clip_s"] * rate)
    audio = AudioTask(models[1], clips, sounds.supervision.items, samples, heard, audio_config)
    checkpoint = folders["image"] / "checkpoint.safetensors"
    task = _PairTask(image, audio, owners, config)
    trained = cast(
        nn.ModuleDict,
        run_loop(task, config, run=run, seed=seed, checkpoint=checkpoint, report=report, stop=stop),
    )
    student = cast(ImageStudent, trained["image"])
    left_out = image.fit_closed_form(student, look["landmarks"], seed)
    write_student(folders["audio"], "audio", run, sound, cast(AudioStudent, trained["audio"]))
    write_training_vectors(folders["image"], pictures.supervision.items, left_out)
    # Last, as the checkpoint of both goes with it.
    write_student(folders["image"], "image", run, look, student)
    return folders


def _owners(pictures: Supervision, sounds: Supervision) -> tuple[Tensor, Tensor]:
    """Entities of the training pictures and sounds."""
    entities = [len(one.neighbours[0]) - 1 for one in (pictures, sounds)]
    if entities[0] != entities[1]:
        raise SupervisionError(f"pictures are of {entities[0]} entities, sounds of {entities[1]}")
    seen, heard = (one.owner[one.items] for one in (pictures, sounds))
    if not np.isin(seen, heard).any():
        raise SupervisionError(
            "no entity has both a picture and a sound to train on",
            remedy="put both into one record of the manifest, or train each student alone",
        )
    return torch.from_numpy(seen), torch.from_numpy(heard)


def _identity(
    pictures: Pictures, sounds: Sounds, samples: npt.NDArray[np.generic], config: PairConfig, seed: int
) -> str:
    parts = [
        run_identity(pictures.config, pictures.supervision, pictures.images, seed),
        run_identity(sounds.config, sounds.supervision, samples, seed),
        json.dumps([decisive(config), sounds.sample_rate_hz]),
    ]
    return hashlib.sha256("".join(parts).encode()).hexdigest()


class _PairTask:
    """Both tasks' items in one numbering, pictures first, and the agreement of what one entity owns."""

    def __init__(
        self, image: ImageTask, audio: AudioTask, owners: tuple[Tensor, Tensor], config: PairConfig
    ) -> None:
        self._tasks: Mapping[str, ImageTask | AudioTask] = {"image": image, "audio": audio}
        self._config = config
        self._pictures = image.items
        self.items = image.items + audio.items
        self.model = nn.ModuleDict({"image": image.model, "audio": audio.model})
        self._owner = torch.cat(owners)
        entities = int(self._owner.max()) + 1
        # Items in order of modality and entity: those of one of each lie side by side.
        key = self._owner + entities * (torch.arange(self.items) >= image.items)
        self._order = key.argsort(stable=True)
        bounds = torch.searchsorted(key[self._order], torch.arange(2 * entities + 1))
        self._start = bounds[:-1].reshape(2, entities)
        self._count = bounds.diff().reshape(2, entities)

    def losses(self, rows: Tensor) -> dict[str, Tensor]:
        """Losses by name, "total" among them, for augmented views of items `(batch,)` and of what goes with them."""
        both = torch.cat([rows, self._companions(rows)])
        heard = both >= self._pictures
        vectors: dict[str, Tensor] = {}
        losses: dict[str, Tensor] = {}
        total = torch.zeros(())
        chosen = {"image": both[~heard], "audio": both[heard] - self._pictures}
        owner = {"image": self._owner[both[~heard]], "audio": self._owner[both[heard]]}
        for name, task in self._tasks.items():
            device = task.model.heads.norm.weight.device
            mine, owner[name] = chosen[name].to(device), owner[name].to(device)
            if not len(mine):
                continue
            parts = task.model.learned(task.augmented(mine))
            taught = task.objective.taught(parts, task.model.heads, task.objective.wanted(mine))
            total = total.to(device) + taught.pop("total")
            losses |= {f"{name} {kind}": loss for kind, loss in taught.items()}
            vectors[name] = parts.pair
        losses["pair"] = self._agreement(vectors, owner)
        losses["total"] = total + losses["pair"]
        return losses

    def _agreement(self, vectors: Mapping[str, Tensor], owner: Mapping[str, Tensor]) -> Tensor:
        """Mean over the four directions, those within a modality weighted."""
        config = self._config
        found, weights = [], []
        for here, rows in vectors.items():
            for there, columns in vectors.items():
                loss = same_entity_loss(rows, columns, owner[here], owner[there], config.temperature)
                weights.append(config.within if here == there else 1.0)
                found.append(weights[-1] * loss)
        return torch.stack(found).sum() / max(sum(weights), 1e-9)

    def _companions(self, rows: Tensor) -> Tensor:
        """For each item one of its entity, `(batch,)`: of the other modality, or of its own where that lacks."""
        entity, own = self._owner[rows], (rows >= self._pictures).long()
        other = torch.where(self._count[1 - own, entity] > 0, 1 - own, own)
        count = self._count[other, entity]
        drawn = (torch.rand(len(rows)) * count).long().minimum(count - 1)
        return self._order[self._start[other, entity] + drawn]
