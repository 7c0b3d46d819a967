"""Links of entities that training never saw: a tenth of WN18RR's or FB15k-237's, known by their edges afterwards.

    python -m benchmarks.unseen [wn18rr] [fb15k-237] [--seeds 3] [--valid-only] [--json FILE]

A tenth of the entities, another one each seed, is taken out of the training split with all edges; ComplEx is trained on
the rest. Then those edges become known and the test triples that touch such an entity are asked, in both directions,
among all entities, filtered by all splits. `mrr_fitted` is `fold_in`: a vector fitted to the new entity's edges, all
else held. `mrr_with_reasons` mixes it with what needs no training of entities at all (rules, nearness, cases and
analogies by frozen MiniLM vectors), weights fitted on the valid triples that touch such entities. Baselines:
`mrr_mean_of_neighbours`, and the table as it is, in which a new entity is random.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import time
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from benchmarks.linking.training import Runs
from benchmarks.rows import Row, mean_interval, print_rows, write_rows
from benchmarks.shared_data import shared_data
from chiasm_graph.link_prediction import (
    LinkConfig,
    LinkData,
    filtered_ranks,
    link_metrics_of,
    load_link_recipe,
)
from chiasm_graph.link_prediction.ensemble import Nearness, Standardised, fit_ensemble, load_ensemble_recipe
from chiasm_graph.link_prediction.folding import fold_in, mean_of_neighbours
from chiasm_graph.link_prediction.tail_scores import TailScores
from chiasm_graph.triples import Triples

_SHARE = 0.1
_TARGETS = {"wn18rr": 0.25, "fb15k-237": 0.20}
#: Of rank 128, and shorter than the recipes' runs: ten trainings of an hour would be a day.
_CHANGES: Mapping[str, Mapping[str, object]] = {
    "wn18rr": {"dim": 256, "max_epochs": 12},
    "fb15k-237": {"dim": 256, "max_epochs": 15},
}


def main() -> None:
    """Train, fold in, judge."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("datasets", nargs="*", default=[*_TARGETS], metavar="DATASET")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--valid-only", action="store_true", help="for tuning: leave the test split unread")
    parser.add_argument("--checkpoints", type=Path, help="folder in which runs can be taken up again")
    parser.add_argument("--cache", type=Path, default=Path.home() / ".cache" / "chiasm-benchmarks" / "links")
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    if unknown := set(args.datasets) - set(_TARGETS):
        parser.error(f"no such data set: {', '.join(sorted(unknown))}")
    rows: list[Row] = []
    for dataset in args.datasets:
        found = []
        for seed in range(args.seeds):
            found.append(_one(dataset, seed, args))
            print(f"{dataset}, seed {seed}: {json.dumps(found[-1])}", flush=True)
        rows += _rows(dataset, found)
        print_rows(rows)
        write_rows(rows, args.json)


def _one(dataset: str, seed: int, args: argparse.Namespace) -> dict[str, float]:
    whole = LinkData.read(shared_data() / "kg" / dataset)
    ends = np.unique(whole.train[:, [0, 2]])
    new = np.random.default_rng(seed).choice(ends, int(_SHARE * len(ends)), replace=False)
    held = _touching(whole.train, new)
    data = dataclasses.replace(
        whole, train=whole.train[~held], valid=whole.valid[~_touching(whole.valid, new)]
    )
    support = whole.train[held]
    valid, test = (split[_touching(split, new)] for split in (whole.valid, whole.test))
    runs = Runs(dataset, data, args.checkpoints, args.cache)
    config = _config(dataset)
    model, cost = runs.structure(f"unseen-{dataset}", config, seed)
    vectors = model.encoded()  # type: ignore[attr-defined]
    began = time.perf_counter()
    folded = fold_in(vectors, data.train, support, n3=config.n3, seed=seed)
    took = time.perf_counter() - began
    found: dict[str, TailScores] = {
        "mrr_fitted": folded,
        "mrr_mean_of_neighbours": mean_of_neighbours(vectors, data.train, support),
        "mrr_random": vectors,
    }
    found["mrr_with_reasons"] = _mixed(
        dataset, folded, dataclasses.replace(whole, valid=valid), data.graph, args, seed
    )
    asked = valid if args.valid_only else test
    known = np.concatenate([whole.train, whole.valid, *([] if args.valid_only else [whole.test])])
    figures = {
        name: link_metrics_of(filtered_ranks(scores, asked, known)).mrr for name, scores in found.items()
    }
    counts = {"entities": float(len(new)), "edges": float(len(support)), "queries": 2.0 * len(asked)}
    return {**figures, **counts, "fold_in_s": took, **cost}


def _config(dataset: str) -> LinkConfig:
    return dataclasses.replace(load_link_recipe(dataset).config, **_CHANGES[dataset])


def _mixed(
    dataset: str,
    folded: TailScores,
    data: LinkData,
    mined: Triples,
    args: argparse.Namespace,
    seed: int,
) -> TailScores:
    """The ensemble of the data set's recipe, its structure replaced; rules of the old edges, applied to all."""
    recipe = load_ensemble_recipe(f"{dataset}-ensemble")
    others = Runs(dataset, data, None, args.cache).untrained(recipe, mined)
    near = {f"near {hops}": Nearness(data.graph, hops) for hops in range(recipe.near + 1)}
    known = np.concatenate([data.train, data.valid])
    members = {"structure": Standardised(folded), **others, **near}
    return fit_ensemble(members, data.valid, known, spread=recipe.spread, seed=seed)


def _touching(triples: np.ndarray, entities: np.ndarray) -> np.ndarray:
    return np.isin(triples[:, [0, 2]], entities).any(axis=1)


def _rows(dataset: str, found: list[dict[str, float]]) -> list[Row]:
    rows = []
    for name in found[0]:
        mean, spread = mean_interval([one[name] for one in found])
        target = f">= {_TARGETS[dataset]}" if name in ("mrr_fitted", "mrr_with_reasons") else ""
        unit = (
            "share"
            if name.startswith("mrr")
            else "s"
            if name.endswith("_s")
            else "minutes"
            if "minutes" in name
            else "count"
        )
        rows.append(Row(f"{dataset}_{name}", mean, unit, "", target, spread, len(found)))
    return rows


if __name__ == "__main__":
    main()
