"""The optimiser's loop: resumable, deterministic, averaging the weights as it goes."""

from __future__ import annotations

import copy
import json
import logging
import math
from collections.abc import Callable, Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor, nn

from chiasm.errors import DamagedError
from chiasm.fusion.checkpoints import read_tensors, write_tensors
from chiasm.fusion.recipe import Recipe
from chiasm.training.fitting import FusionFit
from chiasm.training.progress import Stop, Stopped
from chiasm.training.views import ViewSampler
from chiasm_encoders.fingerprint import fingerprint_of

__all__ = ["Averaged", "run_loop"]

_log = logging.getLogger(__name__)


class Averaged:
    """A moving average of a module's weights, with a short memory at first."""

    def __init__(self, module: FusionFit, decay: float) -> None:
        self.module = copy.deepcopy(module).requires_grad_(False)
        self.decay = decay

    @torch.no_grad()
    def update(self, module: nn.Module, step: int) -> None:
        """Take in the weights after step number ``step``."""
        decay = min(self.decay, (1 + step) / (10 + step))
        for mine, theirs in zip(self.module.parameters(), module.parameters(), strict=True):
            mine.lerp_(theirs, 1 - decay)


def run_loop(
    fit: FusionFit,
    sampler: ViewSampler,
    recipe: Recipe,
    *,
    seed: int,
    checkpoint: Path,
    report: Callable[[float, Mapping[str, float]], None],
    stop: Stop,
) -> FusionFit:
    """Train and give back the averaged model.

    Batches and dropout depend on the seed and the step number alone, so a run that was stopped and resumed
    ends where an unbroken one does.

    Args:
        fit: Trained in place.
        sampler: Of batches.
        recipe: Steps, rates, weights of the tasks.
        seed: Of dropout; the sampler has its own.
        checkpoint: File to resume from and to write to.
        report: Called with the share of steps done and the losses.
        stop: Asked at every step.

    Raises:
        Stopped: ``stop`` said so; a checkpoint has been written.
    """
    steps = sampler.steps_per_epoch * recipe.training.epochs
    optimiser = torch.optim.AdamW(_groups(fit, recipe), lr=recipe.training.learning_rate)
    base_rates = [group["lr"] for group in optimiser.param_groups]
    average = Averaged(fit, recipe.training.average)
    start = copy.deepcopy(fit)
    step = _resume(checkpoint, fit, average, optimiser)
    fast = torch.cpu._is_avx512_bf16_supported() and fit.fusion.summary.device.type == "cpu"
    smooth: dict[str, float] = {}
    fit.train()
    with torch.random.fork_rng(devices=[]):
        while step < steps:
            if stop():
                _save(checkpoint, fit, average, optimiser, step)
                raise Stopped
            torch.manual_seed(seed * 1_000_003 + step)
            rate = _rate(step, steps, recipe.training.warmup_ratio)
            for group, base in zip(optimiser.param_groups, base_rates, strict=True):
                group["lr"] = base * rate
            with torch.autocast("cpu", dtype=torch.bfloat16, enabled=fast):
                losses = fit(sampler.draw(step))
            _update(fit, optimiser, losses, recipe)
            step += 1
            average.update(fit, step)
            smooth = {n: 0.9 * smooth.get(n, v.item()) + 0.1 * v.item() for n, v in losses.items()}
            if step % recipe.training.checkpoint_steps == 0 and step < steps:
                _save(checkpoint, fit, average, optimiser, step)
            report(step / steps, smooth)
    with torch.no_grad():
        for mine, begun in zip(average.module.parameters(), start.parameters(), strict=True):
            mine.copy_(torch.lerp(begun, mine, recipe.training.learned))
    return average.module


def _groups(fit: FusionFit, recipe: Recipe) -> list[dict[str, object]]:
    """Projections move slowly: they start where they mean something, and many weights overfit first."""
    slow: list[nn.Parameter] = []
    fast: list[nn.Parameter] = []
    for name, parameter in fit.named_parameters():
        (slow if "projections" in name or "heads" in name else fast).append(parameter)
    rate, decay = recipe.training.learning_rate, recipe.training.weight_decay
    return [
        # Decay would shrink the projections towards nothing, not towards their start.
        {"params": slow, "lr": rate * recipe.training.projection_rate, "weight_decay": 0.0},
        {"params": fast, "lr": rate, "weight_decay": decay},
    ]


def _update(
    fit: FusionFit, optimiser: torch.optim.Optimizer, losses: Mapping[str, Tensor], recipe: Recipe
) -> None:
    weights = vars(recipe.tasks)
    total = torch.stack([weights[name] * loss.float() for name, loss in losses.items()]).sum()
    optimiser.zero_grad(set_to_none=True)
    total.backward()  # type: ignore[no-untyped-call]
    nn.utils.clip_grad_norm_(fit.parameters(), 1.0)
    optimiser.step()


def _rate(step: int, steps: int, warmup: float) -> float:
    """Linear warm-up, then half a cosine down to zero."""
    done = (step + 1) / max(1, steps)
    return min(1.0, done / max(warmup, 1e-9)) * 0.5 * (1 + math.cos(math.pi * step / max(1, steps)))


def _save(path: Path, fit: nn.Module, average: Averaged, optimiser: torch.optim.Optimizer, step: int) -> None:
    tensors = {f"fit.{n}": t for n, t in fit.state_dict().items()}
    tensors |= {f"average.{n}": t for n, t in average.module.state_dict().items()}
    for index, state in optimiser.state_dict()["state"].items():
        tensors |= {f"optimiser.{index}.{n}": torch.as_tensor(v) for n, v in state.items()}
    plain = {n: t.detach().cpu().contiguous().clone() for n, t in tensors.items()}
    seal = fingerprint_of({"step": step}, plain)
    write_tensors(path, plain, {"step": json.dumps(step), "sha256": seal})


def stored_state(path: Path) -> tuple[int, dict[str, Tensor]] | None:
    """Steps done and tensors of a checkpoint; None where there is none, or it is damaged."""
    if not path.is_file():
        return None
    try:
        tensors = read_tensors(path)
        with safe_open(str(path), framework="pt") as file:
            facts = file.metadata() or {}
        step = int(json.loads(facts["step"]))
        sound = facts.get("sha256") == fingerprint_of({"step": step}, tensors)
    except (DamagedError, SafetensorError, KeyError, ValueError):
        sound = False
    if not sound:
        _log.warning("%s differs from its checksum: training begins anew", path)
        return None
    return step, tensors


def _resume(path: Path, fit: nn.Module, average: Averaged, optimiser: torch.optim.Optimizer) -> int:
    stored = stored_state(path)
    if stored is None:
        return 0
    step, tensors = stored
    fit.load_state_dict({n[4:]: t for n, t in tensors.items() if n.startswith("fit.")})
    average.module.load_state_dict({n[8:]: t for n, t in tensors.items() if n.startswith("average.")})
    state: dict[int, dict[str, Tensor]] = {}
    for name, tensor in tensors.items():
        if name.startswith("optimiser."):
            _, index, field = name.split(".", 2)
            state.setdefault(int(index), {})[field] = tensor
    optimiser.load_state_dict({"state": state, "param_groups": optimiser.state_dict()["param_groups"]})
    return step
