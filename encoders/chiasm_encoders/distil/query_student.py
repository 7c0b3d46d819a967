"""A student from lessons to the folder that answers queries."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

from chiasm_encoders.device import resolve_device
from chiasm_encoders.distil.imitation import ImitationConfig, imitate, lesson_identity
from chiasm_encoders.distil.loop import Report, Stop
from chiasm_encoders.distil.mark import drop_mark, is_finished, write_mark
from chiasm_encoders.distil.teaching import Shape, Teaching
from chiasm_encoders.durable import write_whole
from chiasm_encoders.student import ONNX_FORMAT

__all__ = ["parameter_count", "train_query_student", "untrained_query_student"]


def train_query_student(
    shape: Shape,
    teaching: Teaching[Shape],
    config: ImitationConfig,
    *,
    seed: int,
    out: Path,
    report: Report,
    stop: Stop,
) -> Path:
    """Trains a student and leaves `config.json`, `model.onnx` and what else it reads in `out`, which is returned.

    Called again for the same teaching, shape, configuration and seed it resumes from its checkpoint, or returns at
    once.

    Raises:
        TrainingStopped: `stop()` answered true; a checkpoint was written.
        WeightsError: What students are stored with is not installed, or the export says something else.
    """
    lessons = teaching.lessons()
    run = lesson_identity(lessons, config, (shape, teaching.teacher, teaching.identity()), seed)
    if is_finished(out, run):
        report(1.0, {})
        return out
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        student = teaching.begun(shape).to(resolve_device(config.device))
    trained = imitate(student, lessons, config, run=run, seed=seed, out=out, report=report, stop=stop)
    _write(out, shape, trained, teaching, run)
    return out


def untrained_query_student(shape: Shape, teaching: Teaching[Shape], out: Path) -> Path:
    """A student of that shape before any lesson, whose size and speed are already those of a trained one."""
    run = f"untrained {shape.name}"
    if not is_finished(out, run):
        with torch.random.fork_rng():
            torch.manual_seed(0)
            _write(out, shape, teaching.begun(shape).eval(), teaching, run)
    return out


def parameter_count(shape: Shape, teaching: Teaching[Shape]) -> int:
    """Numbers that a student of that shape learns."""
    return sum(parameter.numel() for parameter in teaching.built(shape).parameters())


def _write(out: Path, shape: Shape, trained: torch.nn.Module, teaching: Teaching[Shape], run: str) -> None:
    """Write the folder of a student, the mark last of all."""
    drop_mark(out)
    exported = teaching.exported(trained.cpu())
    write_whole(out / "model.onnx", exported.content)
    for name, content in teaching.files().items():
        write_whole(out / name, content)
    about: Any = shape
    config: dict[str, Any] = {
        "format": ONNX_FORMAT,
        "modality": teaching.modality,
        "run": run,
        "teacher": teaching.teacher,
        "dim": teaching.dim,
        "shape": {**asdict(about), "name": shape.name},
        "parameters": sum(parameter.numel() for parameter in trained.parameters()),
        "export": {"difference": exported.difference, "cosine": round(exported.cosine, 6)},
        **teaching.settings(),
    }
    write_whole(out / "config.json", json.dumps(config, indent=1).encode())
    (out / "checkpoint.safetensors").unlink(missing_ok=True)
    write_mark(out, run)
