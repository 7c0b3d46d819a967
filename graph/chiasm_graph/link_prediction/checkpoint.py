"""Where a training run stands, in one safetensors file."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from chiasm_graph.errors import GraphError

__all__ = ["RunState", "load_checkpoint", "save_checkpoint"]


@dataclass
class RunState:
    """Between two epochs; randomness is a function of seed and epoch, so it needs no state."""

    #: Epochs done.
    epoch: int = 0
    #: Best MRR on the valid split; negative before the first judgement.
    best_mrr: float = -1.0
    #: Epoch of it.
    best_epoch: int = 0
    #: Judgements since then.
    stale: int = 0
    #: Seconds of training, judgements included.
    seconds: float = 0.0
    #: Processor time of the same, all threads together.
    processor_seconds: float = 0.0
    #: Weights of the best epoch; empty before the first judgement.
    best: dict[str, Tensor] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """All but the weights."""
        return {name: value for name, value in vars(self).items() if name != "best"}


def save_checkpoint(
    path: Path,
    model: torch.nn.Module,
    optimizer: torch.optim.Optimizer,
    state: RunState,
    stamp: Mapping[str, Any],
) -> None:
    """Write aside, sync, rename: a crash leaves the old file or the new one.

    Args:
        path: The file.
        model: Its weights.
        optimizer: Its slots.
        state: Where the run stands.
        stamp: What the run belongs to, as JSON; a run of another stamp does not take it up.
    """
    tensors = {f"model/{name}": value for name, value in model.state_dict().items()}
    tensors |= {f"best/{name}": value for name, value in state.best.items()}
    for number, slots in optimizer.state_dict()["state"].items():
        tensors |= {f"optimizer/{number}/{name}": torch.as_tensor(value) for name, value in slots.items()}
    run = {"state": state.to_dict(), "stamp": dict(stamp), "sha256": _digest(tensors)}
    aside = path.with_name(f".{path.name}.{os.getpid()}")
    # Copies: safetensors refuses tensors that share memory.
    save_file({name: t.detach().clone() for name, t in tensors.items()}, aside, {"run": json.dumps(run)})
    with aside.open("rb") as file:
        os.fsync(file.fileno())
    aside.replace(path)


def load_checkpoint(
    path: Path, model: torch.nn.Module, optimizer: torch.optim.Optimizer, stamp: Mapping[str, Any]
) -> RunState:
    """Put model and optimiser where the file says.

    Raises:
        GraphError: The file is damaged, or of another stamp.
    """
    remedy = "remove the file to start anew"
    try:
        with safe_open(path, framework="pt") as file:
            run = json.loads(file.metadata()["run"])
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - no mapping
    except (SafetensorError, KeyError, TypeError, ValueError, OSError) as error:
        raise GraphError(f"no readable checkpoint: {error}", where=str(path), remedy=remedy) from error
    if run["sha256"] != _digest(tensors):
        raise GraphError("a damaged checkpoint", where=str(path), remedy=remedy)
    differing = sorted(name for name, value in stamp.items() if run["stamp"].get(name) != value)
    if differing:
        raise GraphError(f"a checkpoint of other {', '.join(differing)}", where=str(path), remedy=remedy)
    model.load_state_dict(_below(tensors, "model/"))
    slots: dict[int, dict[str, Tensor]] = {}
    for name, value in _below(tensors, "optimizer/").items():
        number, _, slot = name.partition("/")
        slots.setdefault(int(number), {})[slot] = value
    optimizer.load_state_dict({**optimizer.state_dict(), "state": slots})
    return RunState(**run["state"], best=_below(tensors, "best/"))


def _digest(tensors: Mapping[str, Tensor]) -> str:
    digest = hashlib.sha256()
    for name in sorted(tensors):
        digest.update(name.encode())
        digest.update(tensors[name].detach().contiguous().numpy().tobytes())
    return digest.hexdigest()


def _below(tensors: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): t for name, t in tensors.items() if name.startswith(prefix)}
