"""The search for the smallest student within a budget, from teaching to judgement."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from chiasm.errors import translated
from chiasm.training.budget import Budget, Trial, smallest
from chiasm.training.progress import Stop, Stopped
from chiasm.training.retention import Retention, Witness

if TYPE_CHECKING:
    from chiasm_encoders.distil import ImitationConfig, Teaching

__all__ = ["Found", "Report", "find_student"]

#: `report(stage, ratio of it)`.
Report = Callable[[str, float], None]


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


def find_student(
    teaching: Teaching[Any],
    witness: Witness,
    shapes: Sequence[Any],
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
    from chiasm_encoders.distil import parameter_count

    sized = [(parameter_count(shape, teaching), shape) for shape in shapes]
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
    """What all shapes are tried with; fields as the arguments of `find_student`."""

    teaching: Teaching[Any]
    witness: Witness
    budget: Budget
    config: ImitationConfig
    folder: Path
    seed: int
    report: Report
    stop: Stop

    def tried(self, trial: Trial, shape: Any) -> Trial:
        """What a shape costs and, if it may, what it keeps."""
        from chiasm_encoders.errors import ExportError

        # Translated, being stopped would be an error like any other, and so would an export of this shape alone.
        with translated():
            try:
                return self._tried(trial, shape)
            except ExportError as error:
                return replace(trial, verdict=f"refused: {error.what}")

    def _tried(self, trial: Trial, shape: Any) -> Trial:
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

    def _measured(self, trial: Trial, shape: Any) -> Trial:
        from chiasm_encoders import load_encoder
        from chiasm_encoders.distil import untrained_query_student
        from chiasm_encoders.timing import time_queries

        self.report(f"measuring {shape.name}", 0.0)
        empty = untrained_query_student(shape, self.teaching, self.folder / f"untrained-{shape.name}")
        timing = time_queries(load_encoder(f"student:{empty}", device="cpu"), self.witness.items)
        quartiles = (timing.low, timing.high)
        measured = replace(trial, mb=_megabytes(empty), ms=timing.median, ms_quartiles=quartiles)
        shutil.rmtree(empty, ignore_errors=True)
        return measured

    def _trained(self, shape: Any) -> tuple[Path, Retention]:
        from chiasm_encoders import TrainingStopped, load_encoder
        from chiasm_encoders.distil import train_query_student

        def told(ratio: float, values: Mapping[str, Any]) -> None:
            self.report(f"training {shape.name}", ratio)

        folder = self.folder / shape.name
        try:
            out = train_query_student(
                shape, self.teaching, self.config, seed=self.seed, out=folder, report=told, stop=self.stop
            )
        except TrainingStopped:
            raise Stopped from None
        encoder = load_encoder(f"student:{out}", device="cpu")
        return out, self.witness.retention(encoder.encode(self.witness.items))


def _megabytes(folder: Path) -> float:
    """Of what a student answers by."""
    from chiasm_encoders.student import ONNX_FILES

    return sum(path.stat().st_size for name in ONNX_FILES if (path := folder / name).is_file()) / 1e6
