"""The state of a training loop between two steps, on disk."""

from __future__ import annotations

import copy
import json
import logging
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor, nn

from chiasm.errors import DamagedError
from chiasm.fusion.checkpoints import read_tensors, write_tensors
from chiasm_encoders.fingerprint import fingerprint_of

__all__ = ["Averaged", "LoopState", "Patience", "stored_state"]

_log = logging.getLogger(__name__)


class Averaged:
    """A moving average of a module's weights, with a short memory at first."""

    def __init__(self, module: nn.Module, decay: float) -> None:
        self.module = copy.deepcopy(module).requires_grad_(False)
        self.decay = decay

    @torch.no_grad()
    def update(self, module: nn.Module, step: int) -> None:
        """Take in the weights after step number ``step``."""
        decay = min(self.decay, (1 + step) / (10 + step))
        mine: list[Tensor] = list(self.module.parameters())
        theirs: list[Tensor] = list(module.parameters())
        torch._foreach_lerp_(mine, theirs, 1 - decay)


@dataclass
class Patience:
    """Early stopping: the best figure so far, and how often it was not reached since."""

    best: float | None = None
    missed: int = 0

    def take(self, figure: float) -> bool:
        """Note a figure; whether it is the best so far."""
        if self.best is None or figure > self.best:
            self.best, self.missed = figure, 0
            return True
        self.missed += 1
        return False


@dataclass
class LoopState:
    """All that a step changes."""

    fit: nn.Module
    average: Averaged
    optimiser: torch.optim.Optimizer
    step: int = 0
    #: Parts that a batch is cut into
    parts: int = 1
    patience: Patience = field(default_factory=Patience)
    #: Averaged weights at the best figure; none where nothing is stopped early
    best: dict[str, Tensor] = field(default_factory=dict)

    def keep_best(self) -> None:
        """Remember the averaged weights as they are."""
        self.best = {n: t.detach().clone() for n, t in self.average.module.named_parameters()}

    def save(self, path: Path) -> None:
        """Write a checkpoint with a seal over it."""
        tensors = {f"fit.{n}": t for n, t in self.fit.state_dict().items()}
        tensors |= {f"average.{n}": t for n, t in self.average.module.state_dict().items()}
        tensors |= {f"best.{n}": t for n, t in self.best.items()}
        for index, state in self.optimiser.state_dict()["state"].items():
            tensors |= {f"optimiser.{index}.{n}": torch.as_tensor(v) for n, v in state.items()}
        plain = {n: t.detach().cpu().contiguous().clone() for n, t in tensors.items()}
        facts = {"step": self.step, "parts": self.parts, **asdict(self.patience)}
        seal = fingerprint_of(facts, plain)
        write_tensors(path, plain, {"facts": json.dumps(facts), "sha256": seal})

    def resume(self, path: Path) -> None:
        """Take over a checkpoint; one that is not there, or damaged, leaves everything as it is."""
        stored = stored_state(path)
        if stored is None:
            return
        facts, tensors = stored
        self.fit.load_state_dict(_below("fit.", tensors))
        self.average.module.load_state_dict(_below("average.", tensors))
        self.best = _below("best.", tensors)
        state: dict[int, dict[str, Tensor]] = {}
        for name, tensor in _below("optimiser.", tensors).items():
            index, entry = name.split(".", 1)
            state.setdefault(int(index), {})[entry] = tensor
        self.optimiser.load_state_dict(
            {"state": state, "param_groups": self.optimiser.state_dict()["param_groups"]}
        )
        self.step, self.parts = facts["step"], facts["parts"]
        self.patience = Patience(facts["best"], facts["missed"])


def stored_state(path: Path) -> tuple[dict[str, Any], dict[str, Tensor]] | None:
    """Facts and tensors of a checkpoint; None where there is none, or it is damaged."""
    if not path.is_file():
        return None
    try:
        tensors = read_tensors(path)
        with safe_open(str(path), framework="pt") as file:
            written = file.metadata() or {}
        facts = json.loads(written["facts"])
        sound = written.get("sha256") == fingerprint_of(facts, tensors)
        sound = sound and set(facts) == {"step", "parts", "best", "missed"}
    except (DamagedError, SafetensorError, KeyError, ValueError, TypeError, RecursionError):
        sound = False
    if not sound:
        _log.warning("%s differs from its checksum: training begins anew", path)
        return None
    return facts, tensors


def _below(prefix: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name[len(prefix) :]: t for name, t in tensors.items() if name.startswith(prefix)}
