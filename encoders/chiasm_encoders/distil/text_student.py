"""A text student from lessons to the folder that answers queries."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from chiasm_encoders.device import resolve_device
from chiasm_encoders.distil.checkpoint import write_aside
from chiasm_encoders.distil.imitation import ImitationConfig, imitate, lesson_identity
from chiasm_encoders.distil.loop import Report, Stop
from chiasm_encoders.distil.mark import drop_mark, is_finished, write_mark
from chiasm_encoders.distil.onnx_export import Exported, export_onnx
from chiasm_encoders.distil.text_lessons import text_lessons
from chiasm_encoders.protocol import Vectors
from chiasm_encoders.student import ONNX_FORMAT
from chiasm_encoders.text.student_tokens import token_arrays
from chiasm_encoders.text.students import StaticTextStudent, TextShape, build_text_student

if TYPE_CHECKING:
    from tokenizers import Tokenizer

__all__ = [
    "TextTeaching",
    "train_text_student",
    "untrained_text_student",
    "write_text_student",
]

#: Texts that the exported net is compared on.
_COMPARED = 64


@dataclass(frozen=True, eq=False)
class TextTeaching:
    """What text students are taught, whatever their shape."""

    texts: Sequence[str]
    #: Unit vectors `(texts, dim)` by each teacher; the first one's space is the student's.
    told: Sequence[Vectors]
    tokenizer: Tokenizer
    #: What the first teacher says of each token alone, `(vocabulary, dim)`.
    tokens: Vectors
    #: Fingerprint of the first teacher.
    teacher: str


def train_text_student(
    shape: TextShape,
    teaching: TextTeaching,
    config: ImitationConfig,
    *,
    seed: int,
    out: Path,
    report: Report,
    stop: Stop,
) -> Path:
    """Trains a student and leaves `config.json`, `tokenizer.json` and `model.onnx` in `out`, which is returned.

    Called again for the same teaching, shape, configuration and seed it resumes from its checkpoint, or returns at
    once.

    Raises:
        TrainingStopped: `stop()` answered true; a checkpoint was written.
        WeightsError: What students are stored with is not installed.
    """
    lessons = text_lessons(teaching.texts, teaching.told, teaching.tokenizer)
    run = lesson_identity(lessons, config, (shape, teaching.teacher, teaching.tokenizer.to_str()), seed)
    if is_finished(out, run):
        report(1.0, {})
        return out
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        student = _begun(shape, teaching).to(resolve_device(config.device))
    trained = imitate(student, lessons, config, run=run, seed=seed, out=out, report=report, stop=stop)
    write_text_student(out, shape, trained, teaching, run)
    return out


def untrained_text_student(shape: TextShape, teaching: TextTeaching, out: Path) -> Path:
    """A student of that shape before any lesson, whose size and speed are already those of a trained one."""
    run = f"untrained {shape.name}"
    if not is_finished(out, run):
        write_text_student(out, shape, _begun(shape, teaching).eval(), teaching, run)
    return out


def write_text_student(
    out: Path, shape: TextShape, trained: torch.nn.Module, teaching: TextTeaching, run: str
) -> None:
    """Write the folder of a student, the mark last of all."""
    drop_mark(out)
    exported = _exported(trained.cpu(), teaching)
    write_aside(out / "model.onnx", exported.content)
    write_aside(out / "tokenizer.json", teaching.tokenizer.to_str().encode())
    config: dict[str, Any] = {
        "format": ONNX_FORMAT,
        "modality": "text",
        "run": run,
        "teacher": teaching.teacher,
        "dim": int(teaching.told[0].shape[1]),
        "shape": {**asdict(shape), "name": shape.name},
        "parameters": sum(parameter.numel() for parameter in trained.parameters()),
        "export": {"difference": exported.difference, "cosine": round(exported.cosine, 6)},
    }
    write_aside(out / "config.json", json.dumps(config, indent=1).encode())
    (out / "checkpoint.safetensors").unlink(missing_ok=True)
    write_mark(out, run)


def _begun(shape: TextShape, teaching: TextTeaching) -> StaticTextStudent:
    dim = int(teaching.told[0].shape[1])
    student = build_text_student(shape, len(teaching.tokens), dim)
    student.begin(torch.from_numpy(np.asarray(teaching.tokens, np.float32)))
    return student


def _exported(net: torch.nn.Module, teaching: TextTeaching) -> Exported:
    some = list(teaching.texts[:: max(1, len(teaching.texts) // _COMPARED)])[:_COMPARED]
    rows = [one.ids for one in teaching.tokenizer.encode_batch(some, add_special_tokens=False)]
    # At least two tokens, or the exporter takes their number for a constant.
    rows[0] = [*rows[0], *rows[0], 0, 0][: max(2, len(rows[0]))]
    ids, mask = token_arrays(rows)
    example = {"ids": torch.from_numpy(ids), "mask": torch.from_numpy(mask)}
    return export_onnx(net, example, {"ids": ("batch", "tokens"), "mask": ("batch", "tokens")})
