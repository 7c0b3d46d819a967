"""A run of the trainer: what its stages share."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from chiasm.errors import DamagedError, NotFoundError
from chiasm.fusion.checkpoints import read_json, write_json
from chiasm.fusion.manifest import RELEASE_FILE, read_manifest
from chiasm.fusion.recipe import Recipe
from chiasm.training.progress import STAGES, Progress, Report, Stop, Stopped
from chiasm.training.snapshot import Snapshot
from chiasm.training.students import Student
from chiasm.training.texts import TunedText
from chiasm.training.warm_start import WarmStart

__all__ = ["Run", "run_of"]


@dataclass
class Run:
    """What the stages share."""

    snapshot: Snapshot
    out: Path
    recipe: Recipe
    seed: int
    tell: Report
    stop: Stop
    #: Spec of the encoder that made the snapshot's text features
    text_encoder: str | None = None
    #: Release that is gone on from
    parent: WarmStart | None = None
    #: Folder of TensorBoard's event files; None: none are written
    board: Path | None = None
    #: Where to compute: "auto", "cpu", "cuda" or "cuda:N"
    device: str = "cpu"
    students: dict[str, Student] = field(default_factory=dict)
    tuned: TunedText | None = None

    def reporter(self, stage: str) -> Callable[[float, Mapping[str, Any]], None]:
        """Reports a stage's share as the whole run's; stages that are left out count as done."""
        names = list(STAGES)
        before = sum(STAGES[n] for n in names[: names.index(stage)])

        def report(ratio: float, values: Mapping[str, Any]) -> None:
            shown = {k: float(v) for k, v in values.items() if isinstance(v, int | float)}
            self.tell(Progress(stage, min(1.0, before + STAGES[stage] * ratio), shown))

        report(0.0, {})
        return report

    def check(self) -> None:
        """Between stages, leave if asked to."""
        if self.stop():
            raise Stopped

    def begin(self) -> dict[str, Any] | None:
        """The content of ``release.json`` if the run was finished before; None makes the folder this run's."""
        identity: dict[str, Any] = {
            "snapshot": self.snapshot.digest,
            "recipe": self.recipe.to_dict(),
            "seed": self.seed,
        }
        if self.parent is not None:
            identity["parent"] = self.parent.fingerprint
        stamp = hashlib.sha256(json.dumps(identity, sort_keys=True).encode()).hexdigest()
        self.out.mkdir(parents=True, exist_ok=True)
        mark = self.out / "run.json"
        if run_of(mark) == stamp:
            return read_manifest(self.out) if (self.out / RELEASE_FILE).is_file() else None
        for name in (RELEASE_FILE, "checkpoint.safetensors", "fusion/words.safetensors"):
            (self.out / name).unlink(missing_ok=True)
        write_json(mark, {"run": stamp})
        return None


def run_of(mark: Path) -> str | None:
    """Which run a folder is of; None where the mark is not there, or damaged."""
    try:
        found = read_json(mark)
    except (DamagedError, NotFoundError):
        return None
    return found.get("run") if isinstance(found, dict) else None
