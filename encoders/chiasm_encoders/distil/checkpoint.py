"""One file that a run resumes from: weights, averaged weights and optimizer state, bound to the run."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor, nn

from chiasm_encoders.durable import write_whole
from chiasm_encoders.fingerprint import fingerprint_of

__all__ = ["load_checkpoint", "save_checkpoint", "stored_state"]


def save_checkpoint(
    path: Path, *, run: str, step: int, model: nn.Module, average: nn.Module, optimizer: torch.optim.Optimizer
) -> None:
    """Writes the state after `step` steps, its facts into the file's metadata, so they cannot disagree."""
    tensors = {f"model.{name}": tensor for name, tensor in model.state_dict().items()}
    tensors |= {f"average.{name}": tensor for name, tensor in average.state_dict().items()}
    for index, state in optimizer.state_dict()["state"].items():
        tensors |= {f"optimizer.{index}.{name}": torch.as_tensor(value) for name, value in state.items()}
    plain = {name: tensor.detach().cpu().contiguous().clone() for name, tensor in tensors.items()}
    facts = {"run": run, "step": step}
    facts["sha256"] = fingerprint_of({"run": run, "step": step}, plain)
    write_whole(path, save(plain, {"facts": json.dumps(facts)}))


def load_checkpoint(
    path: Path, *, run: str, model: nn.Module, average: nn.Module, optimizer: torch.optim.Optimizer
) -> int:
    """Restores the three in place; returns the steps done, 0 without a usable checkpoint of this very run."""
    stored = stored_state(path)
    if stored is None or stored[0].get("run") != run:
        return 0
    facts, tensors = stored
    model.load_state_dict(_under("model.", tensors))
    average.load_state_dict(_under("average.", tensors))
    states: dict[int, dict[str, Any]] = {}
    for name, tensor in _under("optimizer.", tensors).items():
        index, _, key = name.partition(".")
        states.setdefault(int(index), {})[key] = tensor
    optimizer.load_state_dict({"state": states, "param_groups": optimizer.state_dict()["param_groups"]})
    return int(facts["step"])


def stored_state(path: Path) -> tuple[dict[str, Any], dict[str, Tensor]] | None:
    """Facts and tensors of a checkpoint; None where there is none, or it is damaged."""
    try:
        with safe_open(path, framework="pt") as file:
            facts = json.loads((file.metadata() or {}).get("facts", "{}"))
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - not a mapping
        seal = fingerprint_of({"run": facts.get("run"), "step": facts.get("step")}, tensors)
    except (AttributeError, OSError, SafetensorError, ValueError):
        return None
    return (facts, tensors) if facts.get("sha256") == seal else None


def _under(prefix: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}
