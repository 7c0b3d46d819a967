"""The training loop that all students share: schedule, average of weights, checkpoints, progress, stop.

Randomness is a function of (seed, step) alone, so a run that was stopped and resumed equals one that was not.
"""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from chiasm_encoders.distil.checkpoint import load_checkpoint, save_checkpoint
from chiasm_encoders.distil.config import LoopConfig
from chiasm_encoders.errors import TrainingStopped

__all__ = ["Report", "Stop", "StudentTask", "run_loop"]

#: `report(progress_ratio, metrics)`.
Report = Callable[[float, dict[str, Any]], None]
Stop = Callable[[], bool]


class StudentTask(Protocol):
    """What the loop trains."""

    @property
    def model(self) -> nn.Module:
        """The student."""
        ...

    #: Number of training items.
    items: int

    def losses(self, rows: Tensor) -> dict[str, Tensor]:
        """Losses by name, "total" among them, for augmented views of items `(batch,)`."""
        ...


def run_loop(
    task: StudentTask,
    config: LoopConfig,
    *,
    run: str,
    seed: int,
    checkpoint: Path,
    report: Report,
    stop: Stop,
) -> nn.Module:
    """Trains and returns the averaged student.

    Raises:
        TrainingStopped: `stop()` answered true; the checkpoint holds the state.
    """
    model, average = task.model, copy.deepcopy(task.model).requires_grad_(False)
    optimizer = _optimizer(model, config)
    steps = _steps(task.items, config)
    done = load_checkpoint(checkpoint, run=run, model=model, average=average, optimizer=optimizer)
    saved = reported = time.monotonic()
    for step in range(done, steps):
        if stop():
            save_checkpoint(checkpoint, run=run, step=step, model=model, average=average, optimizer=optimizer)
            raise TrainingStopped(
                "training was stopped", where=str(checkpoint), remedy="train again to resume"
            )
        losses = _step(task, config, optimizer, step, steps, seed)
        _follow(average, model, min(config.ema, (1 + step) / (10 + step)))
        now = time.monotonic()
        if now - reported >= 1.0 or step + 1 == steps:
            reported = now
            report((step + 1) / steps, {name: float(loss.detach()) for name, loss in losses.items()})
        if now - saved >= config.checkpoint_s:
            save_checkpoint(
                checkpoint, run=run, step=step + 1, model=model, average=average, optimizer=optimizer
            )
            saved = time.monotonic()
    return average


def _steps(items: int, config: LoopConfig) -> int:
    return max(1, min(config.max_steps, config.epochs * math.ceil(items / config.batch)))


def _optimizer(model: nn.Module, config: LoopConfig) -> torch.optim.Optimizer:
    """AdamW that shrinks matrices and kernels but neither scales nor offsets."""
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    groups = [
        {"params": [p for p in trained if p.ndim > 1], "weight_decay": config.weight_decay},
        {"params": [p for p in trained if p.ndim <= 1], "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=config.learning_rate, betas=(0.9, 0.98))


def _step(
    task: StudentTask,
    config: LoopConfig,
    optimizer: torch.optim.Optimizer,
    step: int,
    steps: int,
    seed: int,
) -> dict[str, Tensor]:
    rate = min(1.0, (step + 1) / config.warmup_steps) * 0.5 * (1 + math.cos(math.pi * step / steps))
    for group in optimizer.param_groups:
        group["lr"] = config.learning_rate * rate
    with torch.random.fork_rng():
        torch.manual_seed(seed * 1_000_003 + step)
        task.model.train()
        losses = task.losses(_rows(task.items, config.batch, step, seed))
        optimizer.zero_grad(set_to_none=True)
        losses["total"].backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(task.model.parameters(), 1.0)
        optimizer.step()
    return losses


def _rows(items: int, batch: int, step: int, seed: int) -> Tensor:
    """Items of a step: each epoch is its own permutation, cut into equal batches, the last wrapping round."""
    batches = math.ceil(items / batch)
    epoch, place = divmod(step, batches)
    generator = torch.Generator().manual_seed(seed * 1_000_003 + 500_009 + epoch)
    order = torch.randperm(items, generator=generator)
    size = math.ceil(items / batches)
    # At least two rows: batch statistics of a single item are zero.
    wanted = torch.arange(place * size, place * size + max(2, size))
    return order[wanted.remainder(items)]


@torch.no_grad()
def _follow(average: nn.Module, model: nn.Module, keep: float) -> None:
    """Moves the averaged weights towards the trained ones; counters are copied."""
    for kept, new in zip(average.state_dict().values(), model.state_dict().values(), strict=True):
        if kept.dtype.is_floating_point and kept.ndim:
            kept.lerp_(new, 1 - keep)
        else:
            kept.copy_(new)
