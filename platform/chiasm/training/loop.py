"""The optimiser's loop: resumable, deterministic, averaging the weights as it goes."""

from __future__ import annotations

import copy
import logging
import math
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import torch
from torch import nn

from chiasm.errors import InputError
from chiasm.fusion.recipe import Recipe
from chiasm.training.board import Board
from chiasm.training.drawing import Ahead
from chiasm.training.fitting import FusionFit
from chiasm.training.loop_state import Averaged, LoopState
from chiasm.training.losses_file import LossesFile
from chiasm.training.progress import Stop, Stopped
from chiasm.training.views import ViewSampler
from chiasm_encoders.device import free_gpu_memory, mixed_precision

__all__ = ["Judge", "run_loop"]

_log = logging.getLogger(__name__)

#: The figure of a model on the valid split, greater is better.
Judge = Callable[[FusionFit], float]


def run_loop(
    fit: FusionFit,
    sampler: ViewSampler,
    recipe: Recipe,
    *,
    seed: int,
    checkpoint: Path,
    report: Callable[[float, Mapping[str, float]], None],
    stop: Stop,
    losses: Path | None = None,
    judge: Judge | None = None,
    board: Path | None = None,
    device: torch.device | None = None,
) -> FusionFit:
    """Train and give back the averaged model.

    Batches and dropout depend on the seed and the step number alone, so a run that was stopped and resumed
    ends where an unbroken one does. A batch that finds no room in memory is cut in halves, and so are those
    after it.

    Args:
        fit: Trained in place.
        sampler: Of batches.
        recipe: Steps, rates, weights of the tasks.
        seed: Of dropout; the sampler has its own.
        checkpoint: File to resume from and to write to.
        report: Called with the share of steps done and the losses.
        stop: Asked at every step.
        losses: File that keeps every step's losses; None keeps none.
        judge: Asked after every epoch where the recipe has patience; training ends when it has run out, with
            the best weights.
        board: Folder of TensorBoard's event files; None writes none.
        device: Where to train, and where the model lies afterwards; None is the CPU. On a GPU sums are not added in the
            same order each time, so a resumed run ends close to an unbroken one, but not with the same bits.

    Raises:
        Stopped: ``stop`` said so; a checkpoint has been written.
        InputError: A loss is no number any more.
    """
    training = recipe.training
    steps = sampler.steps
    device = device or torch.device("cpu")
    fit.to(device)
    optimiser = torch.optim.AdamW(_groups(fit, recipe), lr=training.learning_rate, fused=True)
    base_rates = [group["lr"] for group in optimiser.param_groups]
    state = LoopState(fit, Averaged(fit, training.average), optimiser, parts=training.accumulate)
    start = copy.deepcopy(fit)
    state.resume(checkpoint)
    curves = LossesFile(losses, state.step) if losses is not None else None
    patient = judge if training.patience > 0 else None
    smooth: dict[str, float] = {}
    fit.train()
    begun = time.perf_counter()
    with (
        torch.random.fork_rng(devices=[device] if device.type == "cuda" else []),
        Ahead(sampler, device) as ahead,
        Board(board, state.step) as shown,
    ):
        while state.step < steps and not _spent(state, recipe):
            if stop():
                state.save(checkpoint)
                raise Stopped
            rate = _rate(state.step, steps, training.warmup_ratio)
            for group, base in zip(optimiser.param_groups, base_rates, strict=True):
                group["lr"] = base * rate
            found = _step(state, fit, ahead, recipe, seed)
            state.step += 1
            state.average.update(fit, state.step)
            smooth = {n: 0.9 * smooth.get(n, v) + 0.1 * v for n, v in found.items()}
            if curves is not None:
                curves.add(state.step, found)
            shown.add(state.step, found, "loss")
            shown.add(state.step, {"rate": rate, "waited_s": ahead.waited_s}, "training")
            if patient is not None and state.step % sampler.steps_per_epoch == 0:
                shown.add(state.step, {"hit10": _judge(state, patient, fit)}, "valid")
            if state.step % training.checkpoint_steps == 0 and state.step < steps:
                state.save(checkpoint)
            report(state.step / steps, smooth)
        _log.info(
            "fusion trained",
            extra={
                "steps": state.step,
                "took_s": time.perf_counter() - begun,
                "waited_s": ahead.waited_s,
                "parts": state.parts,
            },
        )
    return _released(state, start, recipe)


def _spent(state: LoopState, recipe: Recipe) -> bool:
    return 0 < recipe.training.patience <= state.patience.missed


def _judge(state: LoopState, judge: Judge, fit: FusionFit) -> float:
    averaged = state.average.module
    if not isinstance(averaged, FusionFit):
        raise TypeError("the average is of another model")
    figure = judge(averaged)
    if state.patience.take(figure):
        state.keep_best()
    averaged.train()
    fit.train()
    return figure


def _released(state: LoopState, start: FusionFit, recipe: Recipe) -> FusionFit:
    """The averaged weights, or the best of them, followed part of the way."""
    averaged = state.average.module
    if not isinstance(averaged, FusionFit):
        raise TypeError("the average is of another model")
    begun = dict(start.named_parameters())
    with torch.no_grad():
        for name, mine in averaged.named_parameters():
            mine.copy_(state.best.get(name, mine))
            if not name.startswith("side."):
                # Heads of further tasks start from noise: half of the way back would be half noise.
                mine.copy_(torch.lerp(begun[name], mine, recipe.training.learned))
    return averaged


def _step(state: LoopState, fit: FusionFit, ahead: Ahead, recipe: Recipe, seed: int) -> dict[str, float]:
    """One update; the losses by name."""
    while True:
        try:
            # Again after a batch was cut: dropout is the step's.
            torch.manual_seed(seed * 1_000_003 + state.step)
            state.optimiser.zero_grad(set_to_none=True)
            found = _gradients(state, fit, ahead)
            break
        except (torch.OutOfMemoryError, MemoryError) as error:
            if recipe.training.batch // (2 * state.parts) < 2:
                raise
            state.parts *= 2
            _log.warning("no room for a batch: cut into %d parts (%s)", state.parts, str(error)[:200])
        # Not before: the error holds what the batch had taken.
        free_gpu_memory()
    nn.utils.clip_grad_norm_(fit.parameters(), 1.0)
    state.optimiser.step()
    return found


def _gradients(state: LoopState, fit: FusionFit, ahead: Ahead) -> dict[str, float]:
    sums: dict[str, float] = {}
    for part in range(state.parts):
        batch = ahead.draw(state.step, part, state.parts)
        with mixed_precision(fit.device, training=True):
            losses = fit(batch)
        total = fit.mixer(losses, batch.done)
        if state.parts > 1:
            total = total / state.parts
        # All at once: each question makes a GPU wait for its answer.
        *told, whole = (
            torch.stack([*(loss.detach().float() for loss in losses.values()), total.detach()]).cpu().tolist()
        )
        values = dict(zip(losses, told, strict=True))
        _finite(values, whole, state.step)
        total.backward()
        for name, value in values.items():
            sums[name] = sums.get(name, 0.0) + value / state.parts
    return sums


def _finite(values: Mapping[str, float], total: float, step: int) -> None:
    wrong = [name for name, value in values.items() if not math.isfinite(value)]
    if wrong or not math.isfinite(total):
        raise InputError(
            f"the loss of {', '.join(wrong) or 'all tasks together'} is no number at step {step + 1}",
            where="fusion",
            remedy="lower training.learning_rate, or look for features that are not finite",
        )


def _groups(fit: FusionFit, recipe: Recipe) -> list[dict[str, object]]:
    """Projections move slowly: they start where they mean something, and many weights overfit first."""
    slow: list[nn.Parameter] = []
    fast: list[nn.Parameter] = []
    for name, parameter in fit.named_parameters():
        slowly = "projections" in name or name.startswith("tasks.masked.heads")
        (slow if slowly else fast).append(parameter)
    rate, decay = recipe.training.learning_rate, recipe.training.weight_decay
    return [
        # Decay would shrink the projections towards nothing, not towards their start.
        {"params": slow, "lr": rate * recipe.training.projection_rate, "weight_decay": 0.0},
        {"params": fast, "lr": rate, "weight_decay": decay},
    ]


def _rate(step: int, steps: int, warmup: float) -> float:
    """Linear warm-up, then half a cosine down to zero."""
    done = (step + 1) / max(1, steps)
    return min(1.0, done / max(warmup, 1e-9)) * 0.5 * (1 + math.cos(math.pi * step / max(1, steps)))
