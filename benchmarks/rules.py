"""Link prediction by rules alone, by cases alone, by both, and by how often a node stands at that end.

`python -m benchmarks.rules [DATASET] [--valid] [--json FILE]`. Filtered ranking in both directions; equal scores share
the mean of their ranks (realistic rank). Nothing is trained: rules are mined from, and cases looked up in, train alone.
"""

from __future__ import annotations

import argparse
import time
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from benchmarks.rows import Row, print_rows, write_rows
from benchmarks.shared_data import shared_data
from chiasm_graph import Triples
from chiasm_graph.rules import CaseBase, FactIndex, MiningConfig, RuleBase, aggregate, mine_rules

_DATASETS = ("umls", "codex-s", "fb15k-237", "wn18rr", "db15k")
#: Questions scored at a time, which bounds memory.
_CHUNK = 128
#: As in `chiasm_graph.rules.prediction`.
_CASE_WEIGHT = 0.5

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


class Data(NamedTuple):
    """Splits as numbers, each ``(triples, 3)``."""

    train: Ints
    valid: Ints
    test: Ints
    num_nodes: int
    num_relations: int


def main() -> None:
    """Print the rows."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("dataset", nargs="?", choices=_DATASETS, default="umls")
    parser.add_argument("--valid", action="store_true", help="judge on the valid split")
    parser.add_argument("--max-seconds", type=float, default=600.0, help="mining ends then")
    parser.add_argument("--max-bodies", type=int, default=MiningConfig.max_bodies, help="of each relation")
    parser.add_argument("--max-rules", type=int, default=MiningConfig.max_rules, help="of each relation")
    parser.add_argument("--json", type=Path, default=None)
    given = parser.parse_args()
    data = read_data(shared_data() / "kg" / given.dataset)
    config = MiningConfig(
        max_seconds=given.max_seconds, max_bodies=given.max_bodies, max_rules=given.max_rules
    )
    rows = list(figures(given.dataset, data, data.valid if given.valid else data.test, config))
    print_rows(rows)
    write_rows(rows, given.json)


def read_data(folder: Path) -> Data:
    """The splits of a folder."""
    nodes: dict[str, int] = {}
    relations: dict[str, int] = {}
    splits = []
    for name in ("train", "valid", "test"):
        lines = (folder / f"{name}.tsv").read_text(encoding="utf-8").splitlines()
        triples = [line.split("\t")[:3] for line in lines]
        splits.append(
            np.array(
                [
                    (
                        nodes.setdefault(head, len(nodes)),
                        relations.setdefault(relation, len(relations)),
                        nodes.setdefault(tail, len(nodes)),
                    )
                    for head, relation, tail in triples
                ]
            )
        )
    return Data(*splits, len(nodes), len(relations))


def figures(name: str, data: Data, asked: Ints, config: MiningConfig) -> Iterator[Row]:
    """All rows of one data set."""
    graph = Triples(*data.train.T, num_nodes=data.num_nodes, num_relations=data.num_relations)
    wall, processor = time.perf_counter(), time.process_time()
    mined = mine_rules(graph, config)
    yield Row(
        f"rules_{name}_count", len(mined.rules), "rules", baseline="out of time" if mined.out_of_time else ""
    )
    yield Row(f"rules_{name}_mining", time.perf_counter() - wall, "s")
    yield Row(f"rules_{name}_mining_processor", time.process_time() - processor, "s")
    wall, processor = time.perf_counter(), time.process_time()
    found = ranks(graph, mined.rules, data, asked)
    for how, each in found.items():
        values = np.array(each)
        yield Row(f"{how}_{name}_mrr", float((1 / values).mean()), n=len(values))
        for k in (1, 10):
            yield Row(f"{how}_{name}_hits@{k}", float((values <= k).mean()), n=len(values))
    yield Row(f"rules_{name}_ranking", time.perf_counter() - wall, "s")
    yield Row(f"rules_{name}_ranking_processor", time.process_time() - processor, "s")


def ranks(graph: Triples, rules: Any, data: Data, asked: Ints) -> dict[str, list[float]]:
    """Rank of each answer by each way of scoring."""
    facts = FactIndex(graph)
    base, cases = RuleBase(facts, rules), CaseBase(facts)
    known: dict[tuple[int, int], list[int]] = defaultdict(list)
    for head, relation, tail in np.concatenate([data.train, data.valid, data.test]).tolist():
        known[head, relation].append(tail)
        known[tail, relation + data.num_relations].append(head)
    found: dict[str, list[float]] = defaultdict(list)
    for half in range(2 * data.num_relations):
        rows = asked[asked[:, 1] == half % data.num_relations]
        ends = (rows[:, 0], rows[:, 2]) if half < data.num_relations else (rows[:, 2], rows[:, 0])
        starts = np.unique(ends[0])
        for begin in range(0, len(starts), _CHUNK):
            some = starts[begin : begin + _CHUNK]
            scores = scored(base, cases, half, some)
            mine = np.isin(ends[0], some)
            at = np.searchsorted(some, ends[0][mine])
            for way, table in scores.items():
                for row, start, answer in zip(at, ends[0][mine], ends[1][mine], strict=True):
                    found[way].append(rank(table[row], known[int(start), half], int(answer)))
    return dict(found)


def scored(base: RuleBase, cases: CaseBase, half: int, starts: Ints) -> dict[str, Floats]:
    """Scores of all nodes, ``(starts, nodes)``, by each way."""
    count = base.facts.num_nodes
    shape = (len(starts), count)
    proposals = base.propose(half, starts)
    best = aggregate(proposals, base.weights, count)
    order, score, share, doubt = (np.zeros(shape) for _ in range(4))
    order[best.owner, best.candidate] = best.order + 1.0
    score[best.owner, best.candidate] = best.score
    several = aggregate(proposals, base.weights, count, how="noisy_or")
    doubt[several.owner, several.candidate] = several.score
    votes = cases.vote(half, starts)
    np.add.at(share, (votes.owner, votes.candidate), votes.weight)
    both = 1 - (1 - score) * (1 - _CASE_WEIGHT * np.minimum(share, 1.0))
    # Further rules tell equal ones apart, as in `Reasoner`.
    both += 1e-9 * order / max(order.max(), 1.0)
    frequency = np.bincount(base.facts.facts(half)[1], minlength=count).astype(np.float64)
    return {
        "rules": order,
        "rules_noisy_or": doubt,
        "cases": share,
        "both": both,
        "frequency": np.broadcast_to(frequency, shape),
    }


def rank(scores: Floats, known: list[int], answer: int) -> float:
    """Realistic rank of the answer among what is not known."""
    mine = scores[answer]
    kept = np.ones(len(scores), dtype=np.bool_)
    kept[known] = False
    others = scores[kept]
    return 1.0 + float((others > mine).sum()) + float((others == mine).sum()) / 2


if __name__ == "__main__":
    main()
