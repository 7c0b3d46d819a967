"""Link prediction, judged on the literature's test splits.

    python -m benchmarks.links umls [--seeds 3] [--recipe NAME_OR_FILE] [--set KEY=VALUE]... [--json FILE]
    python -m benchmarks.links wn18rr --ensemble
    python -m benchmarks.links all

A recipe trains on the training split and stops by the valid split; the test split is read once, after that. An ensemble
trains several members (structure, texts by frozen MiniLM vectors, rules) and fits their weights on the valid split. Ranks
are filtered by all three splits, in both directions, ties broken by the realistic rank. ``minutes`` are those of
training, judgements on the valid split included, and ``processor_minutes`` the same by processor time, all threads
together; ``peak_gib`` is the largest resident memory of the process.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import platform
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import torch
import yaml

from benchmarks.linking.training import Runs, judged, peak_gib
from benchmarks.rows import Row, mean_interval, print_rows, write_rows
from benchmarks.shared_data import shared_data
from chiasm_graph.link_prediction import (
    LinkConfig,
    LinkData,
    LinkRecipe,
    link_recipe_names,
    load_link_recipe,
)
from chiasm_graph.link_prediction.ensemble import EnsembleRecipe, ensemble_recipe_names, load_ensemble_recipe

#: The cheapest first, so that a long run shows something early.
DATA_SETS = ("umls", "codex-s", "db15k", "wn18rr", "fb15k-237")
_UNITS = {
    "minutes": "minutes",
    "processor_minutes": "minutes",
    "peak_gib": "GiB",
    "judging_s": "s",
}
Figures = Mapping[str, float]


def main() -> None:
    """Train each recipe and print its rows."""
    args = _arguments()
    rows: list[Row] = []
    for name in _names(args):
        recipe = (
            load_ensemble_recipe(name)
            if args.ensemble or name.endswith("-ensemble")
            else load_link_recipe(name)
        )
        if args.dataset not in ("all", recipe.dataset):
            raise SystemExit(f"recipe {recipe.name} is for {recipe.dataset}, not {args.dataset}")
        rows += _run(recipe, args)
        print_rows(rows)
        # After each recipe: a run of hours that is stopped keeps what it has.
        write_rows(rows, args.json)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("dataset", nargs="?", default="umls", choices=(*DATA_SETS, "all"))
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--recipe", help="name or YAML file; the data set's ComplEx recipe by default")
    parser.add_argument("--ensemble", action="store_true", help="of structure, texts and rules")
    parser.add_argument(
        "--set", action="append", default=[], metavar="KEY=VALUE", help="of the recipe's config"
    )
    parser.add_argument("--checkpoints", type=Path, help="folder in which runs can be taken up again")
    parser.add_argument("--cache", type=Path, default=Path.home() / ".cache" / "chiasm-benchmarks" / "links")
    parser.add_argument(
        "--valid-only", action="store_true", help="for tuning: judge on valid, leave test unread"
    )
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    if args.seeds < 1 or (args.recipe and args.dataset == "all"):
        parser.error("--seeds must be positive, and --recipe needs one data set")
    if args.ensemble and args.set:
        parser.error("--set changes one recipe's config, and an ensemble has several")
    return args


def _names(args: argparse.Namespace) -> list[str]:
    if args.dataset != "all":
        return [args.recipe or args.dataset]
    every = [*link_recipe_names(), *ensemble_recipe_names()]
    return [name for dataset in DATA_SETS for name in every if name.startswith(f"{dataset}-")]


def _changed(recipe: LinkRecipe, changes: Sequence[str]) -> LinkConfig:
    values = {**dataclasses.asdict(recipe.config)}
    for change in changes:
        name, _, value = change.partition("=")
        values[name] = yaml.safe_load(value)
    return LinkConfig.from_mapping(values, where="--set")


def _run(recipe: LinkRecipe | EnsembleRecipe, args: argparse.Namespace) -> list[Row]:
    whole = LinkData.read(shared_data() / "kg" / recipe.dataset)
    data = whole.with_honest_valid()
    if data is not whole:
        print(
            f"the valid split repeats training or test: {len(data.valid)} facts judge instead of {len(whole.valid)}, "
            f"{len(whole.train) - len(data.train)} of them taken out of training",
            flush=True,
        )
    print(
        f"== {recipe.name}: {data.num_entities} entities, {data.num_relations} relations, {len(data.train)} triples; "
        f"{torch.get_num_threads()} threads on {platform.processor() or platform.machine()}",
        flush=True,
    )
    runs = Runs(recipe.dataset, data, args.checkpoints, args.cache)
    split = "valid" if args.valid_only else "test"
    one: Callable[[int], Figures]
    if isinstance(recipe, EnsembleRecipe):
        one = lambda seed: _mixed(recipe, runs, seed, split)  # noqa: E731
    else:
        config = _changed(recipe, args.set)
        print(json.dumps(dataclasses.asdict(config)), flush=True)
        one = lambda seed: _single(recipe.name, config, runs, seed, split)  # noqa: E731
    figures = []
    for seed in range(args.seeds):
        figures.append(one(seed))
        print(f"seed {seed}: {json.dumps(figures[-1])}", flush=True)
    return _rows(recipe, figures, split)


def _single(name: str, config: LinkConfig, runs: Runs, seed: int, split: str) -> Figures:
    model, cost = runs.structure(name, config, seed)
    return {**judged(model, runs.data, split), **cost, "peak_gib": peak_gib()}


def _mixed(recipe: EnsembleRecipe, runs: Runs, seed: int, split: str) -> Figures:
    members, cost = runs.ensemble(recipe, lambda name: load_link_recipe(name).config, seed)
    figures = {name: judged(scores, runs.data, split) for name, scores in members.items()}
    beside = {f"{name}_mrr": found["mrr"] for name, found in figures.items() if name != "ensemble"}
    return {**figures["ensemble"], **beside, **cost, "peak_gib": peak_gib()}


def _rows(recipe: LinkRecipe | EnsembleRecipe, figures: Sequence[Figures], split: str) -> list[Row]:
    published = ", ".join(f"{name} {value:g}" for name, value in recipe.published.items())
    rows = []
    for name in figures[0]:
        mean, spread = mean_interval([found[name] for found in figures])
        sign = "<=" if name in _UNITS else ">="
        target = f"{sign} {recipe.targets[name]:g}" if name in recipe.targets and split == "test" else ""
        expected = f"expected {recipe.expected[name]:g}" if name in recipe.expected else ""
        beside = [expected, f"published: {published}" if name == "mrr" and published else ""]
        rows.append(
            Row(
                name if split == "test" else f"valid_{name}",
                mean,
                _UNITS.get(name, "share"),
                f"{recipe.name}; " + "; ".join(filter(None, beside)),
                target,
                spread,
                len(figures),
            )
        )
    return rows


if __name__ == "__main__":
    main()
