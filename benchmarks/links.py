"""Link prediction from the structure alone, judged on the literature's test splits.

    python -m benchmarks.links umls [--seeds 3] [--recipe NAME_OR_FILE] [--set KEY=VALUE]... [--json FILE]
    python -m benchmarks.links all

A recipe trains on the training split and stops by the valid split; the test split is read once, after that. Ranks are
filtered by all three splits, in both directions, ties broken by the realistic rank. ``minutes`` are those of training,
judgements on the valid split included; ``peak_gib`` is the largest resident memory of the process.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import platform
import resource
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
import yaml

from benchmarks.rows import Row, mean_interval, print_rows, write_rows
from benchmarks.shared_data import shared_data
from chiasm_graph.link_prediction import (
    EpochReport,
    LinkConfig,
    LinkData,
    LinkRecipe,
    LinkTrainer,
    filtered_ranks,
    link_metrics_of,
    load_link_recipe,
)

#: The cheapest first, so that a long run shows something early.
DATA_SETS = ("umls", "codex-s", "db15k", "wn18rr", "fb15k-237")


def main() -> None:
    """Train each recipe and print its rows."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("dataset", nargs="?", default="umls", choices=(*DATA_SETS, "all"))
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--recipe", help="name or YAML file; the data set's ComplEx recipe by default")
    parser.add_argument(
        "--set", action="append", default=[], metavar="KEY=VALUE", help="of the recipe's config"
    )
    parser.add_argument("--checkpoints", type=Path, help="folder in which runs can be taken up again")
    parser.add_argument(
        "--valid-only", action="store_true", help="for tuning: judge on valid, leave test unread"
    )
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    if args.seeds < 1 or (args.recipe and args.dataset == "all"):
        parser.error("--seeds must be positive, and --recipe needs one data set")
    rows: list[Row] = []
    for dataset in DATA_SETS if args.dataset == "all" else (args.dataset,):
        recipe = load_link_recipe(args.recipe or dataset)
        if recipe.dataset != dataset:
            parser.error(f"recipe {recipe.name} is for {recipe.dataset}, not {dataset}")
        rows += _run(_changed(recipe, args.set), args.seeds, args.checkpoints, valid_only=args.valid_only)
        print_rows(rows)
        # After each data set: a run of hours that is stopped keeps what it has.
        write_rows(rows, args.json)


def _changed(recipe: LinkRecipe, changes: Sequence[str]) -> LinkRecipe:
    values = {**dataclasses.asdict(recipe.config)}
    for change in changes:
        name, _, value = change.partition("=")
        values[name] = yaml.safe_load(value)
    return dataclasses.replace(recipe, config=LinkConfig.from_mapping(values, where="--set"))


def _run(recipe: LinkRecipe, seeds: int, checkpoints: Path | None, *, valid_only: bool) -> list[Row]:
    data = LinkData.read(shared_data() / "kg" / recipe.dataset)
    print(
        f"== {recipe.name}: {data.num_entities} entities, {data.num_relations} relations, {len(data.train)} triples; "
        f"{torch.get_num_threads()} threads on {platform.processor() or platform.machine()}",
        flush=True,
    )
    print(json.dumps(dataclasses.asdict(recipe.config)), flush=True)
    figures = [_one(recipe, data, seed, checkpoints, valid_only=valid_only) for seed in range(seeds)]
    return _rows(recipe, figures, "valid" if valid_only else "test")


def _one(
    recipe: LinkRecipe, data: LinkData, seed: int, checkpoints: Path | None, *, valid_only: bool
) -> dict[str, float]:
    file = None
    if checkpoints is not None:
        checkpoints.mkdir(parents=True, exist_ok=True)
        file = checkpoints / f"{recipe.name}-{seed}.safetensors"
    trainer = LinkTrainer(data, recipe.config, seed=seed, checkpoint=file, progress=_tell)
    model = trainer.fit()
    judged = data.valid if valid_only else data.test
    known = [data.train, data.valid] if valid_only else [data.train, data.valid, data.test]
    began = time.perf_counter()
    metrics = link_metrics_of(filtered_ranks(model, judged, np.concatenate(known))).to_dict()
    judging_s = time.perf_counter() - began
    found = {
        **metrics,
        "minutes": trainer.state.seconds / 60,
        "peak_gib": _peak_gib(),
        "judging_s": judging_s,
    }
    print(f"seed {seed}, epoch {trainer.state.best_epoch}: {json.dumps(found)}", flush=True)
    return found


def _tell(report: EpochReport) -> None:
    if report.valid is not None:
        losses = ", ".join(f"{name} {value:.4f}" for name, value in report.losses.items())
        print(
            f"epoch {report.epoch}/{report.max_epochs}: {losses}; valid mrr {report.valid.mrr:.4f}, "
            f"{report.seconds:.0f} s",
            file=sys.stderr,
            flush=True,
        )


def _peak_gib() -> float:
    # Kilobytes on Linux, bytes on macOS.
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 2**30


def _rows(recipe: LinkRecipe, figures: Sequence[Mapping[str, float]], split: str) -> list[Row]:
    published = ", ".join(f"{name} {value:g}" for name, value in recipe.published.items())
    units = {"minutes": "minutes", "peak_gib": "GiB", "judging_s": "s"}
    rows = []
    for name in figures[0]:
        mean, spread = mean_interval([found[name] for found in figures])
        sign = "<=" if name in units else ">="
        target = f"{sign} {recipe.targets[name]:g}" if name in recipe.targets and split == "test" else ""
        expected = f"expected {recipe.expected[name]:g}" if name in recipe.expected else ""
        beside = [expected, f"published: {published}" if name == "mrr" and published else ""]
        rows.append(
            Row(
                name if split == "test" else f"valid_{name}",
                mean,
                units.get(name, "share"),
                f"{recipe.name}; " + "; ".join(filter(None, beside)),
                target,
                spread,
                len(figures),
            )
        )
    return rows


if __name__ == "__main__":
    main()
