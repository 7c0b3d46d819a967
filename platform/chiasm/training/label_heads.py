"""Trained heads of supervised targets, kept with a release."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import cast

import numpy as np
import numpy.typing as npt
from torch import Tensor, nn

from chiasm.errors import DamagedError
from chiasm.fusion.checkpoints import read_json, read_tensors, write_json, write_tensors
from chiasm.fusion.tasks import LabelTask
from chiasm.training.labelling import Heads
from chiasm.training.targets import Target

__all__ = ["LABEL_FILES", "LabelHeads"]

LABEL_FILES = ("labels/classes.json", "labels/heads.safetensors")
Floats = npt.NDArray[np.floating]


@dataclass(frozen=True)
class LabelHeads:
    """Classes of each target, and the linear map to their logits."""

    classes: dict[str, tuple[str, ...]]
    #: ``(classes, dim)``
    weights: dict[str, Tensor]
    #: ``(classes,)``
    offsets: dict[str, Tensor]

    @classmethod
    def of(cls, task: LabelTask, targets: Sequence[Target]) -> LabelHeads:
        """Those of a trained task; targets without classes had no head."""
        taught = [target for target in targets if len(target.classes) >= 2]
        linear = {target.name: cast(nn.Linear, head) for target, head in zip(taught, task.heads, strict=True)}
        return cls(
            {target.name: target.classes for target in taught},
            {name: head.weight.detach().cpu() for name, head in linear.items()},
            {name: head.bias.detach().cpu() for name, head in linear.items()},
        )

    def save(self, folder: Path) -> list[str]:
        """Write them below a release's folder; names of the files."""
        names = list(self.classes)
        write_json(folder / LABEL_FILES[0], [[name, *self.classes[name]] for name in names])
        tensors = {f"{n}.weight": self.weights[name] for n, name in enumerate(names)}
        tensors |= {f"{n}.bias": self.offsets[name] for n, name in enumerate(names)}
        write_tensors(folder / LABEL_FILES[1], tensors, {"targets": json.dumps(len(names))})
        return list(LABEL_FILES)

    @classmethod
    def load(cls, folder: Path) -> LabelHeads | None:
        """Those of a release; None where it was taught no labels.

        Raises:
            DamagedError: The files do not belong together.
        """
        if not (folder / LABEL_FILES[0]).is_file():
            return None
        names = [(str(first), tuple(map(str, rest))) for first, *rest in read_json(folder / LABEL_FILES[0])]
        tensors = read_tensors(folder / LABEL_FILES[1])
        try:
            weights = {name: tensors[f"{n}.weight"] for n, (name, _) in enumerate(names)}
            offsets = {name: tensors[f"{n}.bias"] for n, (name, _) in enumerate(names)}
        except KeyError as error:
            raise DamagedError(f"lacks {error}", where=str(folder / LABEL_FILES[1])) from error
        return cls(dict(names), weights, offsets)

    def heads(self, targets: Sequence[Target]) -> Heads:
        """Logits of the targets' classes as they are now; a class that came later has no chance."""
        known = [target for target in targets if target.name in self.classes]
        return {target.name: partial(self._logits, target) for target in known}

    def _logits(self, target: Target, vectors: Floats) -> Floats:
        weights, offsets = self.weights[target.name].numpy(), self.offsets[target.name].numpy()
        mine = vectors @ weights.T + offsets
        place = {label: number for number, label in enumerate(self.classes[target.name])}
        found = np.full((len(vectors), len(target.classes)), -np.inf, dtype=np.float32)
        for number, label in enumerate(target.classes):
            if label in place:
                found[:, number] = mine[:, place[label]]
        return found
