"""Training the audio student."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from chiasm_encoders.audio.student import AudioStudent, build_audio_student
from chiasm_encoders.audio.windows import tiled
from chiasm_encoders.device import resolve_device
from chiasm_encoders.distil.audio_augment import augment_spectrograms
from chiasm_encoders.distil.clips import Clips, ClipSource
from chiasm_encoders.distil.config import AudioStudentConfig
from chiasm_encoders.distil.loop import Report, Stop, run_loop
from chiasm_encoders.distil.mark import is_finished
from chiasm_encoders.distil.objective import Objective
from chiasm_encoders.distil.run import part_columns, run_identity, write_student
from chiasm_encoders.distil.supervision import Supervision
from chiasm_encoders.distil.targets import Targets, build_targets
from chiasm_encoders.errors import SupervisionError

__all__ = ["AudioTask", "audio_shape", "checked_clips", "train_audio_student"]

#: Bands of pitch and samples between windows for short clips and for longer ones, and the seconds between the two.
_WORDS, _NOISES = (40, 400), (64, 320)
_WORD_S = 2.0


def train_audio_student(
    waves: ClipSource,
    sample_rate_hz: int,
    supervision: Supervision,
    config: AudioStudentConfig,
    *,
    seed: int,
    out: Path,
    report: Report,
    stop: Stop,
) -> Path:
    """Trains on clips and leaves `config.json` and `model.safetensors` in `out`, which is returned.

    Called again for the same data, configuration and seed it resumes from its checkpoint, or returns at once.

    Args:
        waves: Mono clips of any length, as float32 arrays or as `(flat int16, offsets)`.
        sample_rate_hz: Rate of all clips; the student resamples what it is asked to encode to it.
        supervision: What teaches.
        config: How.
        seed: Same seed, data and thread count, same student.
        out: Folder of the student.
        report: Told progress and losses about once a second.
        stop: Asked before each step.

    Raises:
        SupervisionError: clips and supervision do not fit.
        TrainingStopped: `stop()` answered true.
    """
    clips = checked_clips(waves, supervision)
    run = run_identity(config, supervision, clips.identity(), seed)
    if is_finished(out, run):
        report(1.0, {})
        return out
    targets = build_targets(supervision, config)
    shape = audio_shape(clips, supervision, sample_rate_hz, targets, config)
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = build_audio_student(shape)
    samples = round(shape["clip_s"] * sample_rate_hz)
    task = AudioTask(model, clips, supervision.items, samples, targets, config)
    student = run_loop(
        task, config, run=run, seed=seed, checkpoint=out / "checkpoint.safetensors", report=report, stop=stop
    )
    return write_student(out, "audio", run, shape, student)


def checked_clips(waves: ClipSource, supervision: Supervision) -> Clips:
    """The clips, if they can be trained on.

    Raises:
        SupervisionError: one is empty, offsets do not fit, or they are not as many as the owners.
    """
    clips = Clips(waves)
    if len(clips) != len(supervision.owner):
        raise SupervisionError(f"{len(clips)} clips for {len(supervision.owner)} owners")
    return clips


def audio_shape(
    clips: Clips,
    supervision: Supervision,
    sample_rate_hz: int,
    targets: Targets,
    config: AudioStudentConfig,
    pair_dim: int = 0,
) -> dict[str, Any]:
    """The `model` entry of the student's configuration."""
    labels = targets.labels.shape[1]
    taught = bool(targets.text_dim or labels)
    sizes = {
        "text": targets.text_dim,
        "graph": config.graph_dim if labels else 0,
        "instance": config.instance_dim if config.instance_weight or not (taught or pair_dim) else 0,
        "pair": pair_dim,
    }
    # Clips are used at their usual length: nine in ten fit whole, and spoken words are not padded to seconds.
    lengths = clips.lengths[supervision.items]
    usual_s = float(np.quantile(lengths, 0.9)) / sample_rate_hz
    mels, hop = _WORDS if np.median(lengths) < _WORD_S * sample_rate_hz else _NOISES
    return {
        "sample_rate_hz": sample_rate_hz,
        "clip_s": min(config.clip_s, max(1.0, usual_s)),
        "mels": config.mels or mels,
        "window": config.window,
        "hop": config.hop or hop,
        "trunk": config.trunk,
        "widths": list(config.widths),
        "stem_stride": config.stem_stride,
        "dropout": config.dropout,
        "text_dim": sizes["text"],
        "graph_dim": sizes["graph"],
        "labels": labels,
        "instance_dim": sizes["instance"],
        "pair_dim": pair_dim,
        "weights": {
            "text": config.text_part,
            "graph": config.graph_part,
            "instance": config.instance_part,
            "pair": config.pair_part,
        },
        "parts": part_columns(sizes),
    }


class AudioTask:
    """Spectrograms in memory, made once, and the objective over them."""

    def __init__(
        self,
        model: AudioStudent,
        clips: Clips,
        rows: np.ndarray,
        samples: int,
        targets: Targets,
        config: AudioStudentConfig,
    ) -> None:
        self._device = resolve_device(config.device)
        self._config = config
        self.items = len(rows)
        self.model: AudioStudent = model.to(self._device).to(memory_format=torch.channels_last)
        self.objective = Objective(targets, config).to(self._device)
        self._grids = torch.cat(
            [self._log_mels(clips, rows[i : i + 16], samples) for i in range(0, len(rows), 16)]
        )
        model.centre.copy_(self._grids.float().mean())
        model.scale.copy_(self._grids.float().std().clamp(min=1e-3))
        self._frames = max(8, round(self._grids.shape[2] * config.crop))

    def losses(self, rows: Tensor) -> dict[str, Tensor]:
        """Losses by name for augmented spectrograms of the items."""
        config, objective = self._config, self.objective
        rows = rows.to(self._device)
        views = rows.repeat(2) if objective.two_views else rows
        grids = self.augmented(views)
        wanted = objective.wanted(views)
        if float(torch.rand(())) < config.mixup:
            share = 0.5 + 0.5 * float(torch.rand(()))
            other = torch.randperm(len(rows), device=self._device)
            if objective.two_views:  # both views of an item get the same partner
                other = torch.cat([other, other + len(rows)])
            grids = share * grids + (1 - share) * grids[other]
            wanted = wanted.mixed(other, share)
        return objective(self.model.learned(grids), self.model.heads, wanted)

    def augmented(self, rows: Tensor) -> Tensor:
        """Augmented standardised spectrograms of items `(batch,)`, `(batch, mels, frames)`."""
        grids = (self._grids[rows].float() - self.model.centre) / self.model.scale
        return augment_spectrograms(grids, self._frames, strength=self._config.augment)

    def _log_mels(self, clips: Clips, rows: np.ndarray, samples: int) -> Tensor:
        waves = np.stack([tiled(clips[int(row)], samples) for row in rows]).astype(np.float32)
        # Half precision: a log energy needs three digits, and 10,000 clips then take 400 MB.
        return self.model.log_mel(torch.from_numpy(waves).to(self._device)).half()
