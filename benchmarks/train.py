"""The trainer against the shortest loop that trains the same model.

    python -m benchmarks.train [--pairs 30] [--steps 20] [--batch 256] [--json FILE]

A catalogue of 1,500 entities with texts, pictures and edges, made of random topics in the widths of the offline
recipe. Both sides run the same steps on copies of one model, turn by turn: the bare loop draws a batch, computes,
clips and steps; the trainer also draws ahead, averages the weights, writes losses and asks whether it shall stop.
"""

from __future__ import annotations

import argparse
import copy
import logging
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
from torch import nn

from benchmarks.rows import Row, print_rows, write_rows
from chiasm.fusion.recipe import Recipe, load_recipe
from chiasm.training import Snapshot, SnapshotWriter
from chiasm.training.dataset import Dataset
from chiasm.training.fitting import FusionFit, build_fit
from chiasm.training.holdout import visible
from chiasm.training.loop import run_loop
from chiasm.training.views import ViewSampler

_ENTITIES, _WORDS, _WIDTH = 1500, 600, 384


class _Waits(logging.Handler):
    """Takes what the trainer says of its own time."""

    def __init__(self) -> None:
        super().__init__()
        self.waited_s = self.took_s = 0.0

    def emit(self, record: logging.LogRecord) -> None:
        self.waited_s += getattr(record, "waited_s", 0.0)
        self.took_s += getattr(record, "took_s", 0.0)


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=30)
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--batch", type=int, default=256)
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        rows = _measured(Path(folder), args.pairs, args.steps, args.batch)
    print_rows(rows)
    write_rows(rows, args.json)


def _measured(work: Path, pairs: int, steps: int, batch: int) -> list[Row]:
    data = Dataset.read(Snapshot.open(_catalogue(work / "snapshot")))
    recipe = load_recipe("offline", {"training.checkpoint_steps": "100000", "training.batch": str(batch)})
    seen = visible(data, ("valid", "test"))
    sampler = ViewSampler(data, seen.assets, seen.graph, recipe, 0)
    # Both see the same number of steps, whatever an epoch has.
    sampler.__class__ = type("Short", (ViewSampler,), {"steps": property(lambda _: steps)})
    model = build_fit(data, sampler, seen.graph, recipe, 0)
    waits = _Waits()
    log = logging.getLogger("chiasm.training.loop")
    log.setLevel(logging.INFO)
    log.addHandler(waits)
    log.propagate = False
    ratios = []
    for number in range(pairs + 1):
        order = ("bare", "ours") if number % 2 else ("ours", "bare")
        took = {side: _seconds(side, copy.deepcopy(model), sampler, recipe, steps, work) for side in order}
        if number:
            ratios.append(took["bare"] / took["ours"])
        else:
            # The first pair warms up.
            waits.waited_s = waits.took_s = 0.0
    drawn = np.random.default_rng(0).choice(ratios, size=(10_000, len(ratios)))
    low, high = np.quantile(np.median(drawn, axis=1), (0.025, 0.975))
    ratio = float(np.median(ratios))
    spread = (float(low), float(high))
    return [
        Row("trainer_vs_bare_loop", ratio, "ratio", "bare loop", ">= 0.97", spread, len(ratios)),
        Row(
            "data_wait",
            waits.waited_s / max(waits.took_s, 1e-9),
            "share",
            "step time",
            "<= 0.03",
            n=len(ratios),
        ),
    ]


def _seconds(
    side: str, model: FusionFit, sampler: ViewSampler, recipe: Recipe, steps: int, work: Path
) -> float:
    started = time.perf_counter()
    if side == "bare":
        _bare(model, sampler, recipe, steps)
    else:
        run_loop(
            model, sampler, recipe, seed=0, checkpoint=work / "checkpoint", losses=work / "losses.jsonl",
            report=lambda *_: None, stop=lambda: False,
        )  # fmt: skip
    return time.perf_counter() - started


def _bare(model: FusionFit, sampler: ViewSampler, recipe: Recipe, steps: int) -> None:
    optimiser = torch.optim.AdamW(model.parameters(), lr=recipe.training.learning_rate)
    weights = vars(recipe.tasks)
    fast = torch.cpu._is_avx512_bf16_supported()
    model.train()
    for step in range(steps):
        batch = sampler.draw(step)
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=fast):
            losses = model(batch)
        total = torch.stack([weights[name] * loss.float() for name, loss in losses.items()]).sum()
        optimiser.zero_grad()
        total.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()


def _catalogue(folder: Path) -> Path:
    generator = np.random.default_rng(0)
    total = _ENTITIES + _WORDS
    writer = SnapshotWriter(folder, "bench", 1, ["has_word", "next_to"], {"text": "t", "image": "i"})
    writer.add_entities(
        {
            "id": list(range(total)),
            "key": [f"e:{n}" for n in range(total)],
            "domain": ["things" if n < _ENTITIES else "words" for n in range(total)],
            "title": [f"thing {n}" for n in range(total)],
            "stub": [n >= _ENTITIES for n in range(total)],
            "split": ["train"] * total,
        }
    )
    owner = np.repeat(np.arange(total), np.where(np.arange(total) < _ENTITIES, 5, 1))
    place = np.arange(len(owner)) - np.searchsorted(owner, owner)
    kind = np.where(place == 4, "image", "text")
    row = np.zeros(len(owner), dtype=np.int64)
    topics = generator.normal(size=(40, _WIDTH))
    for name in ("text", "image"):
        mine = kind == name
        row[mine] = np.arange(mine.sum())
        vectors = topics[owner[mine] % 40] + generator.normal(size=(mine.sum(), _WIDTH))
        writer.write_features(name, vectors / np.linalg.norm(vectors, axis=1, keepdims=True))
    writer.add_assets(
        {
            "id": list(range(len(owner))),
            "entity": owner.tolist(),
            "modality": kind.tolist(),
            "sha256": [f"{n:064d}" for n in range(len(owner))],
            "lang": ["en"] * len(owner),
            "role": [""] * len(owner),
            "split": ["train"] * len(owner),
            "value": [f"text {n}" if k == "text" else None for n, k in enumerate(kind)],
            "row": row.tolist(),
        }
    )
    heads = np.repeat(np.arange(_ENTITIES), 4)
    tails = _ENTITIES + generator.integers(0, _WORDS, len(heads))
    writer.add_triples(
        {
            "head": heads.tolist(),
            "relation": [0] * len(heads),
            "tail": tails.tolist(),
            "split": ["train"] * len(heads),
        }
    )
    writer.close()
    return folder


if __name__ == "__main__":
    main()
