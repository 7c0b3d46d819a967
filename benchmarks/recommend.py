"""Recommending what an entity may be linked to: held-out links among the first ten, against what is popular.

    python -m benchmarks.recommend [--valid] [--json FILE]

On CoDEx-S: for each subject and predicate with held-out objects (of the test split), and each object and predicate with
held-out subjects, `chiasm graph predict` scores all entities by rules and cases of the train split alone; what train
states of the pair is left out. Popular are the entities that stand most often at that end of the predicate in train,
likewise. `recall@10` is the share of a pair's held-out ends among the first ten, the mean over pairs; equal scores share
their chances. The ratios have paired bootstrap intervals over pairs.
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from benchmarks.rows import Row, print_rows, write_rows
from benchmarks.rules import Data, Floats, Ints, read_data, scored
from benchmarks.shared_data import shared_data
from chiasm_graph import Triples
from chiasm_graph.rules import CaseBase, FactIndex, MiningConfig, RuleBase, mine_rules

__all__ = ["main"]

_K, _CHUNK, _DRAWS = 10, 128, 2000


def main() -> None:
    """Print the rows."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--valid", action="store_true", help="judge on the valid split")
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    data = read_data(shared_data() / "kg" / "codex-s")
    recalls = _recalls(data, data.valid if given.valid else data.test)
    objects = len(recalls["both", False])
    whole = {way: np.concatenate([recalls[way, end] for end in (False, True)]) for way, _ in recalls}
    rows = [
        *_rows("recommend", whole, slice(None), target=">= 1.5"),
        *_rows("recommend_objects", whole, slice(objects), target=""),
        *_rows("recommend_subjects", whole, slice(objects, None), target=""),
    ]
    print_rows(rows)
    write_rows(rows, given.json)


def _rows(name: str, recalls: dict[str, Floats], some: slice, *, target: str) -> Iterator[Row]:
    for way in ("both", "rules", "cases", "frequency"):
        yield Row(f"{name}_{way}_recall@10", float(recalls[way][some].mean()), n=len(recalls[way][some]))
    ours, popular = recalls["both"][some], recalls["frequency"][some]
    draws = np.random.default_rng(0).integers(0, len(ours), (_DRAWS, len(ours)))
    ratios = ours[draws].mean(axis=1) / popular[draws].mean(axis=1)
    low, high = np.quantile(ratios, (0.025, 0.975))
    yield Row(
        f"{name}_vs_popularity",
        float(ours.mean() / popular.mean()),
        "ratio",
        baseline="what stands at that end most often",
        target=target,
        spread=(float(low), float(high)),
        n=len(ours),
    )


def _recalls(data: Data, asked: Ints) -> dict[tuple[str, bool], Floats]:
    """Recall of each pair by each way of scoring, for objects and for subjects (True), ``(pairs,)``."""
    graph = Triples(*data.train.T, num_nodes=data.num_nodes, num_relations=data.num_relations)
    facts = FactIndex(graph)
    base, cases = RuleBase(facts, mine_rules(graph, MiningConfig(), facts=facts).rules), CaseBase(facts)
    held: dict[int, dict[int, list[int]]] = defaultdict(lambda: defaultdict(list))
    for head, relation, tail in asked.tolist():
        held[relation][head].append(tail)
        held[relation + data.num_relations][tail].append(head)
    found: dict[tuple[str, bool], list[float]] = defaultdict(list)
    for half, pairs in held.items():
        for starts in _chunks(sorted(pairs)):
            for way, table in scored(base, cases, half, np.array(starts)).items():
                for row, start in zip(table, starts, strict=True):
                    known = facts.follow(half, np.array([start]))[1]
                    recall = _recall(row, known, pairs[start])
                    found[way, half >= data.num_relations].append(recall)
    return {way: np.array(each) for way, each in found.items()}


def _recall(scores: Floats, known: Ints, wanted: list[int]) -> float:
    """Chance that each wanted one is among the first ten, equal scores in any order; their mean."""
    kept = np.ones(len(scores), dtype=np.bool_)
    kept[known] = False
    others = scores[kept]
    chances = []
    for one in wanted:
        better, equal = int((others > scores[one]).sum()), int((others == scores[one]).sum())
        chances.append(min(max((_K - better) / max(equal, 1), 0.0), 1.0) if scores[one] > 0 else 0.0)
    return float(np.mean(chances))


def _chunks(starts: list[int]) -> Iterator[list[int]]:
    for begin in range(0, len(starts), _CHUNK):
        yield starts[begin : begin + _CHUNK]


if __name__ == "__main__":
    main()
