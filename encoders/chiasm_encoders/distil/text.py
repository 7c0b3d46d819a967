"""Fine-tunes a text encoder on a catalogue's own words, so that words it does not hold are found in it.

A word beside an entity shall lie near the mean of the other phrases beside that entity, as a word never seen
would have to. Only the upper layers learn: what the lower ones say is computed once, and a step costs half.
"""

from __future__ import annotations

import hashlib
import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn import functional

from chiasm_encoders.device import resolve_device
from chiasm_encoders.distil.checkpoint import load_checkpoint, save_checkpoint
from chiasm_encoders.distil.config import decisive
from chiasm_encoders.distil.loop import Report, Stop
from chiasm_encoders.distil.mark import is_finished
from chiasm_encoders.distil.text_layers import TunedLayers, write_tuned
from chiasm_encoders.distil.wording import Wording
from chiasm_encoders.errors import EncoderInputError, TrainingStopped
from chiasm_encoders.text.sentence_transformer import sentence_folder

__all__ = ["TextTuningConfig", "tune_text_encoder"]

_FAMILY = "sentence-transformers:"
#: So many times as long as a checkpoint took to write, no other one is written.
_SAVING = 20.0
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, kw_only=True)
class TextTuningConfig:
    """Tuned on the keywords of 1,400 drawings and a minute and a half of one core."""

    steps: int = 70
    #: Pairs in a step, and phrases drawn beside each.
    batch: int = 128
    phrases: int = 6
    #: Lower layers that stay as they are.
    frozen_layers: int = 0
    #: Rank of the low-rank updates (LoRA) that learn in place of the weights themselves; 0: the weights learn. They are
    #: added to the weights in the end. Wants a learning rate some ten times as high.
    lora_rank: int = 0
    #: Scale of the updates: they count by this over the rank.
    lora_alpha: int = 16
    learning_rate: float = 5e-5
    #: The rate of each layer over that of the layer above it.
    layer_decay: float = 1.0
    weight_decay: float = 0.01
    warmup_ratio: float = 0.1
    temperature: float = 0.05
    #: Words and phrases count by this power of the inverse number of entities that they stand beside.
    rarity: float = 0.5
    #: Tokens of a phrase that are read.
    max_tokens: int = 24
    #: Seconds between checkpoints.
    checkpoint_s: float = 15.0
    device: str = "auto"


def tune_text_encoder(
    spec: str,
    wording: Wording,
    config: TextTuningConfig,
    *,
    seed: int,
    out: Path,
    report: Report,
    stop: Stop,
) -> Path | None:
    """Writes a folder that `load_encoder("student:FOLDER")` opens.

    Resumable from its own checkpoint in `out`, and a function of the arguments.

    Returns:
        None where there is nothing to tune: another kind of encoder, or fewer pairs than half a batch.

    Raises:
        TrainingStopped: `stop()` answered true; the checkpoint holds the state.
        EncoderInputError: A rank, a scale or a decay that cannot be.
        MissingPackageError: Low-rank updates are asked for, and peft is not installed.

    References:
        Reimers and Gurevych 2019, "Sentence-BERT"; Henderson 2017, in-batch negatives; Hu et al. 2022, "LoRA", eq. 3;
        Howard and Ruder 2018, section 3.2 (rates by layer).
    """
    _check(config)
    wording = wording.telling()
    if not spec.startswith(_FAMILY) or len(wording.word) < max(2, config.batch // 2) or not config.steps:
        return None
    folder = sentence_folder(spec.removeprefix(_FAMILY))
    layers = TunedLayers.open(folder, config.frozen_layers, config.max_tokens, resolve_device(config.device))
    if layers is None:
        return None
    run = _identity(folder, wording, config, seed)
    if is_finished(out, run):
        return out
    if config.lora_rank:
        layers.learn_updates(config.lora_rank, config.lora_alpha, seed)
    task = _WordTask(layers, wording, config)
    optimizer = torch.optim.AdamW(
        _groups(layers, config), lr=config.learning_rate, weight_decay=config.weight_decay
    )
    rates = [group["lr"] for group in optimizer.param_groups]
    checkpoint, unused = out / "checkpoint.safetensors", nn.Identity()
    done = load_checkpoint(checkpoint, run=run, model=layers.trained, average=unused, optimizer=optimizer)
    layers.read(wording.texts)
    saved, took = time.monotonic(), 0.0
    for step in range(done, config.steps):
        # Hundreds of megabytes: on a slow machine writing them would take a fourth of the time.
        late = time.monotonic() - saved >= max(config.checkpoint_s, _SAVING * took)
        stopped = stop()
        if late or stopped:
            begun = time.monotonic()
            save_checkpoint(
                checkpoint, run=run, step=step, model=layers.trained, average=unused, optimizer=optimizer
            )
            saved = time.monotonic()
            took = saved - begun
        if stopped:
            raise TrainingStopped(
                "training was stopped", where=str(checkpoint), remedy="train again to resume"
            )
        for group, highest in zip(optimizer.param_groups, rates, strict=True):
            group["lr"] = highest * _rate(step, config)
        loss = task.loss(np.random.default_rng((seed, step)))
        optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(layers.trained.parameters(), 1.0)
        optimizer.step()
        report((step + 1) / config.steps, {"words": float(loss.detach())})
    write_tuned(out, folder, layers, run)
    checkpoint.unlink(missing_ok=True)
    return out


def _check(config: TextTuningConfig) -> None:
    if config.lora_rank < 0 or config.lora_alpha < 1 or not 0 < config.layer_decay <= 1:
        raise EncoderInputError(
            f"lora_rank {config.lora_rank}, lora_alpha {config.lora_alpha}, layer_decay {config.layer_decay}",
            where="text tuning",
            remedy="use a rank of 0 (none) or more, a positive alpha, and a decay above 0 and at most 1",
        )


def _groups(layers: TunedLayers, config: TextTuningConfig) -> list[dict[str, Any]]:
    """What learns, layer by layer, each with its rate."""
    highest = len(layers.trained) - 1
    return [
        {
            "params": [one for one in layer.parameters() if one.requires_grad],
            "lr": config.learning_rate * config.layer_decay ** (highest - number),
        }
        for number, layer in enumerate(layers.trained)
    ]


class _WordTask:
    """Symmetric InfoNCE between words and what else stands beside their entities."""

    def __init__(self, layers: TunedLayers, wording: Wording, config: TextTuningConfig) -> None:
        self.layers, self.wording, self.config = layers, wording, config
        offsets, rows = wording.phrases
        # Of a phrase that stands beside many entities each says less.
        beside = np.maximum(np.bincount(rows, minlength=len(wording.texts)), 1).astype(np.float64)
        self.weight = (beside**-config.rarity).astype(np.float32)
        pairs = np.bincount(wording.word, minlength=len(wording.texts))[wording.word]
        chance = pairs.astype(np.float64) ** -config.rarity
        self.chance = chance / chance.sum()
        self.known = [frozenset(wording.of(e).tolist()) for e in range(len(offsets) - 1)]

    def loss(self, draw: np.random.Generator) -> Tensor:
        """Of one drawn batch."""
        size = min(self.config.batch, int((self.chance > 0).sum()))
        at = draw.choice(len(self.chance), size, replace=False, p=self.chance)
        words, entities = self.wording.word[at], self.wording.entity[at]
        beside = [self._drawn(int(pair), draw) for pair in at]
        owner = torch.from_numpy(np.repeat(np.arange(size), [len(rows) for rows in beside]))
        flat = np.concatenate(beside)
        rows, back = np.unique(np.concatenate([words, flat]), return_inverse=True)
        vectors = self.layers.encode(rows)[torch.from_numpy(back)]
        weights = torch.from_numpy(self.weight[flat]).to(vectors.device)[:, None]
        mean = vectors.new_zeros(size, vectors.shape[1])
        mean = mean.index_add(0, owner.to(vectors.device), vectors[size:] * weights)
        logits = vectors[:size] @ functional.normalize(mean, dim=-1).T / self.config.temperature
        logits = logits.masked_fill(self._no_negatives(words, entities).to(vectors.device), -1e4)
        right = torch.arange(size, device=vectors.device)
        return (functional.cross_entropy(logits, right) + functional.cross_entropy(logits.T, right)) / 2

    def _drawn(self, pair: int, draw: np.random.Generator) -> Ints:
        rows = self.wording.beside(pair)
        most = self.config.phrases
        return rows if len(rows) <= most else draw.choice(rows, most, replace=False)

    def _no_negatives(self, words: Ints, entities: Ints) -> Tensor:
        """Columns whose entity a row's word stands beside too, `(rows, rows)` bool; the row's own left out."""
        known = [[int(word) in self.known[int(entity)] for entity in entities] for word in words]
        other = np.array(known, dtype=np.bool_) | (entities[:, None] == entities[None, :])
        np.fill_diagonal(other, False)
        return torch.from_numpy(other)


def _rate(step: int, config: TextTuningConfig) -> float:
    """Linear warm-up, then linearly down to zero."""
    warm = max(1.0, config.warmup_ratio * config.steps)
    return min(1.0, (step + 1) / warm) * (1 - step / config.steps)


def _identity(folder: Path, wording: Wording, config: TextTuningConfig, seed: int) -> str:
    """SHA-256 over everything that the outcome depends on; what came later counts only where it is used."""
    chosen = decisive(config)
    if not config.lora_rank:
        del chosen["lora_rank"], chosen["lora_alpha"]
    if config.layer_decay == 1:
        del chosen["layer_decay"]
    digest = hashlib.sha256(json.dumps([chosen, seed, list(wording.texts)]).encode())
    digest.update((folder / "config.json").read_bytes())
    digest.update(str((folder / "model.safetensors").stat().st_size).encode())
    for array in (wording.word, wording.entity, *wording.phrases):
        digest.update(np.ascontiguousarray(array, np.int64).tobytes())
    return digest.hexdigest()
