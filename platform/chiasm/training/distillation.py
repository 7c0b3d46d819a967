"""The search for the smallest text student within a budget, from teaching to judgement."""

from __future__ import annotations

import hashlib
import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from chiasm.errors import translated
from chiasm.fusion.checkpoints import read_tensors, write_tensors
from chiasm.training.budget import Budget, Trial, smallest
from chiasm.training.progress import Stop, Stopped
from chiasm.training.retention import Retention, Witness

if TYPE_CHECKING:
    from chiasm_encoders import Encoder
    from chiasm_encoders.distil import ImitationConfig, TextTeaching
    from chiasm_encoders.text.students import TextShape

__all__ = ["Found", "find_text_student", "text_teaching"]

#: `report(stage, ratio of it)`.
Report = Callable[[str, float], None]
_CHUNK = 2048


@dataclass(frozen=True)
class Found:
    """What was tried, and the students worth having."""

    trials: list[Trial]
    #: Smallest that keeps enough; None where none does.
    chosen: Trial | None
    #: That which keeps most.
    best: Trial | None
    folder: Path

    def folder_of(self, trial: Trial) -> Path:
        """Where a trained student lies."""
        return self.folder / trial.name


def text_teaching(
    teacher: Encoder,
    texts: Sequence[str],
    held_out: frozenset[str],
    folder: Path,
    report: Report,
    stop: Stop,
) -> TextTeaching:
    """Texts with what the teacher says of them, kept in a folder so that a run which was stopped asks it once.

    Words that the tokenizer knows whole are lessons too, as queries are made of them; but for those held out.

    Raises:
        Stopped: `stop` said so.
    """
    from chiasm_encoders.distil import FrozenTeacher, TextTeaching
    from chiasm_encoders.text.student_tokens import student_tokenizer, vocabulary_texts

    frozen = FrozenTeacher(teacher)
    tokenizer = student_tokenizer(teacher, texts)
    names = vocabulary_texts(tokenizer)
    asked = [*names, *texts]
    digest = hashlib.sha256(
        "\0".join([teacher.fingerprint, *asked]).encode(errors="surrogatepass")
    ).hexdigest()
    file = folder / f"told-{digest[:16]}.safetensors"
    if not file.is_file():
        parts = []
        for start in range(0, len(asked), _CHUNK):
            if stop():
                raise Stopped
            with translated():
                # Half of the memory; rounded here too, so that a run that goes on equals one that was not stopped.
                parts.append(frozen(asked[start : start + _CHUNK]).astype(np.float16))
            report("asking the teacher", start / len(asked))
        write_tensors(file, {"told": np.concatenate(parts)})
    told = read_tensors(file, None)["told"].float().numpy()
    known = frozenset(texts) | held_out
    whole = [at for at, name in enumerate(names) if name.isalnum() and name.lower() not in known]
    lessons = [*texts, *(names[at] for at in whole)]
    vectors = np.concatenate([told[len(names) :], told[whole]])
    return TextTeaching(lessons, [vectors], tokenizer, told[: len(names)], teacher.fingerprint)


def find_text_student(
    teaching: TextTeaching,
    witness: Witness,
    shapes: Sequence[TextShape],
    budget: Budget,
    config: ImitationConfig,
    *,
    folder: Path,
    seed: int,
    report: Report,
    stop: Stop,
) -> Found:
    """Try shapes from the smallest on until one keeps enough; resumes where it was stopped.

    Size and speed do not depend on what a student has learned, so shapes beyond the budget are not trained.

    Args:
        teaching: What all are taught.
        witness: Held-out queries that choose.
        shapes: To try.
        budget: Limits.
        config: How students are trained.
        folder: Of the students, a folder each.
        seed: Of all draws.
        report: Told stage and share.
        stop: Asked often.

    Raises:
        Stopped: `stop` said so.
    """
    from chiasm_encoders.text.students import build_text_student

    dim, vocabulary = teaching.told[0].shape[1], len(teaching.tokens)
    sized = [
        (sum(p.numel() for p in build_text_student(shape, vocabulary, dim).parameters()), shape)
        for shape in shapes
    ]
    search = _Search(teaching, witness, budget, config, folder, seed, report, stop)
    trials: list[Trial] = []
    for parameters, shape in sorted(sized, key=lambda pair: pair[0]):
        if stop():
            raise Stopped
        trial = Trial(shape.name, parameters)
        if parameters / 1e6 > budget.max_mb:
            # A byte each, whatever else is in the file.
            trials.append(replace(trial, verdict="too large"))
            continue
        trials.append(search.tried(trial, shape))
        if trials[-1].verdict == "kept":
            break
    chosen, best = smallest(trials, budget)
    return Found(trials, chosen, best, folder)


@dataclass(frozen=True)
class _Search:
    """What all shapes are tried with; fields as the arguments of `find_text_student`."""

    teaching: TextTeaching
    witness: Witness
    budget: Budget
    config: ImitationConfig
    folder: Path
    seed: int
    report: Report
    stop: Stop

    def tried(self, trial: Trial, shape: TextShape) -> Trial:
        """What a shape costs and, if it may, what it keeps."""
        trial = self._measured(trial, shape)
        if (trial.mb or 0.0) > self.budget.max_mb:
            return replace(trial, verdict="too large")
        if (trial.ms or 0.0) > self.budget.max_ms:
            return replace(trial, verdict="too slow")
        began = time.monotonic()
        out, kept = self._trained(shape)
        verdict = "kept" if kept.ratio >= self.budget.min_retention else "keeps too little"
        return replace(
            trial, kept=kept, train_s=time.monotonic() - began, verdict=verdict, mb=_megabytes(out)
        )

    def _measured(self, trial: Trial, shape: TextShape) -> Trial:
        from chiasm_encoders import load_encoder
        from chiasm_encoders.distil import untrained_text_student
        from chiasm_encoders.timing import time_queries

        self.report(f"measuring {shape.name}", 0.0)
        with translated():
            empty = untrained_text_student(shape, self.teaching, self.folder / f"untrained-{shape.name}")
            timing = time_queries(load_encoder(f"student:{empty}", device="cpu"), self.witness.items)
        quartiles = (timing.low, timing.high)
        measured = replace(trial, mb=_megabytes(empty), ms=timing.median, ms_quartiles=quartiles)
        shutil.rmtree(empty, ignore_errors=True)
        return measured

    def _trained(self, shape: TextShape) -> tuple[Path, Retention]:
        from chiasm_encoders import TrainingStopped, load_encoder
        from chiasm_encoders.distil import train_text_student

        def told(ratio: float, values: Mapping[str, Any]) -> None:
            self.report(f"training {shape.name}", ratio)

        folder = self.folder / shape.name
        # Translated, being stopped would be an error like any other.
        with translated():
            try:
                out = train_text_student(
                    shape, self.teaching, self.config, seed=self.seed, out=folder, report=told, stop=self.stop
                )
            except TrainingStopped:
                raise Stopped from None
            encoder = load_encoder(f"student:{out}", device="cpu")
            return out, self.witness.retention(encoder.encode(self.witness.items))


def _megabytes(folder: Path) -> float:
    """Of what a student answers by."""
    from chiasm_encoders.student import ONNX_FILES

    return sum((folder / name).stat().st_size for name in ONNX_FILES) / 1e6
