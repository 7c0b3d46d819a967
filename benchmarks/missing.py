"""What search loses when half of what entities had is gone: emoji and sounds, one trained release.

    python -m benchmarks.missing [--home FOLDER] [--draws 5] [--json FILE]

A home that `benchmarks.catalogue --keep` left, or one filled and trained here, is judged on its held-out texts,
pictures and sounds. Of the assets of each entity half are dropped before the index is made, at least one kept; the
graph's nodes lose them too. Then the modalities that an entity lacks are filled in: by zeros, by the mean feature, and
by what the masked-modality task has learned.
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np

import chiasm
from benchmarks.catalogue import fill, train
from benchmarks.rows import Row, mean_interval, print_rows, write_rows
from benchmarks.shared_data import shared_data
from chiasm.fusion.filling import FillIn
from chiasm.fusion.runtime import FusionModel
from chiasm.fusion.tokens import thin
from chiasm.training import Snapshot
from chiasm.training.dataset import Dataset
from chiasm.training.evaluation import Bench
from chiasm.training.holdout import visible
from chiasm.training.metrics import query_metrics
from chiasm.training.queries import Query

Items = list[dict[str, np.ndarray]]


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--home", type=Path, help="a home with a trained release")
    parser.add_argument("--draws", type=int, default=5)
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    work = Path(tempfile.mkdtemp(prefix="chiasm-missing-"))
    try:
        home = args.home or work / "full"
        with chiasm.open(home) as kb:
            if args.home is None:
                fill(kb, shared_data(), "full", work)
                train(kb, "offline", {}, 0)
            kb.evaluate().wait()
        folder = max((home / "models" / "releases").glob("*/r*"), key=lambda one: int(one.name[1:]))
        rows = judged(folder / "evaluation", folder, args.draws)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    print_rows(rows)
    write_rows(rows, args.json)


def judged(snapshot: Path, folder: Path, draws: int) -> list[Row]:
    """Rows of a release on a snapshot whose features its own encoders made."""
    model, data = FusionModel.load(folder), Dataset.read(Snapshot.open(snapshot))
    bench = Bench(model, data, visible(data, ("test",)), "test")
    fill_in = FillIn.load(folder)
    full = _hits(bench, bench.vectors, bench.present)
    kept: dict[str, list[float]] = {name: [] for name in ("passed_over", "zero", "mean", "learned")}
    excluded = 0
    for draw in range(draws):
        items = dropped(bench, np.random.default_rng(draw))
        excluded += sum(not item for item in items)
        fused = np.zeros_like(bench.vectors)
        there = np.array([bool(item) for item in items])
        fused[there] = model.fuse([item for item in items if item])
        for name, filled in _fillings(bench, fill_in, items, fused).items():
            vectors = fused
            if filled is not None:
                vectors = np.zeros_like(fused)
                vectors[there] = model.fuse([item for item, one in zip(filled, there, strict=True) if one])
            kept[name].append(_hits(bench, vectors, there))
    # Entities that had something before: a stub's neighbour without an asset or an edge has nothing to lose.
    lost = excluded - draws * int((~bench.present).sum())
    return _rows(full, kept, lost, len(bench.rows), len(bench.queries))


def dropped(bench: Bench, generator: np.random.Generator) -> Items:
    """Tokens of all candidates when half of the assets of each are gone, at least one kept."""
    data = bench.data
    keep = bench.seen.assets.copy()
    for start, stop in zip(data.indptr[:-1], data.indptr[1:], strict=True):
        mine = start + np.flatnonzero(bench.seen.assets[start:stop])
        gone = generator.permutation(mine)[: len(mine) // 2]
        keep[gone] = False
    tokens = bench.model.graph_tokens(bench.seen.graph, data.node_features(keep), bench.rows)
    items: Items = []
    for row, token in zip(bench.rows, tokens, strict=True):
        assets = np.arange(data.indptr[row], data.indptr[row + 1])
        assets = assets[keep[assets]]
        item = {}
        for modality in data.modalities:
            chosen = assets[data.names[assets] == modality]
            if len(chosen):
                item[modality] = data.features[modality][data.row[chosen[thin(len(chosen), 64)]]]
        if np.isfinite(token).all():
            item["graph"] = token[None]
        items.append(item)
    return items


def _fillings(bench: Bench, fill_in: FillIn, items: Items, fused: np.ndarray) -> Mapping[str, Items | None]:
    """The items with a token of each modality, by how it was come by; None leaves them as they are."""
    modalities = bench.data.modalities
    means = {
        modality: np.mean([item[modality].mean(0) for item in items if modality in item], axis=0)
        for modality in modalities
    }

    def all_of(token: Callable[[str], np.ndarray]) -> Items:
        made = {modality: token(modality)[None] for modality in modalities}
        return [{**{m: made[m] for m in modalities if m not in item}, **item} for item in items]

    return {
        "passed_over": None,
        "zero": all_of(lambda modality: np.zeros_like(means[modality])),
        "mean": all_of(lambda modality: means[modality]),
        "learned": [dict(item) for item in fill_in.filled(items, fused, modalities)],
    }


def _hits(bench: Bench, vectors: np.ndarray, present: np.ndarray) -> float:
    """hit@10 over all held-out queries by fused vectors."""
    found: list[np.ndarray] = []
    for queries in bench.by_modality().values():
        asked: Sequence[Query] = queries
        scores = np.where(bench.allowed(asked) & present, bench.fused(asked) @ vectors.T, -np.inf)
        found.append(query_metrics(scores, bench.expected(asked))["hit@10"])
    return float(np.concatenate(found).mean())


def _rows(
    full: float, kept: Mapping[str, Sequence[float]], excluded: int, entities: int, queries: int
) -> list[Row]:
    rows = [Row("missing_full_hit10", full, n=queries)]
    for name, figures in kept.items():
        value, spread = mean_interval(figures)
        rows.append(Row(f"missing_{name}_hit10", value, spread=spread, n=len(figures)))
    ratios = [figure / max(full, 1e-9) for figure in kept["passed_over"]]
    value, spread = mean_interval(ratios)
    rows.append(
        Row(
            "missing_half_kept",
            value,
            unit="ratio",
            baseline="all assets",
            target=">= 0.85",
            spread=spread,
            n=len(ratios),
        )
    )
    rows.append(Row("missing_excluded", excluded, unit="entities", target="<= 0", n=entities))
    for name in ("zero", "mean"):
        gains = [ours - theirs for ours, theirs in zip(kept["learned"], kept[name], strict=True)]
        value, spread = mean_interval(gains)
        beside = f"{name} filling"
        rows.append(Row(f"missing_learned_over_{name}", value, baseline=beside, spread=spread, n=len(gains)))
        # Better by chance is not better.
        low = f"missing_learned_over_{name}_low"
        rows.append(Row(low, spread[0], baseline=beside, target=">= 0", spread=spread, n=len(gains)))
    return rows


if __name__ == "__main__":
    main()
