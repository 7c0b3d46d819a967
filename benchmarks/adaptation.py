"""Sentiment of reviews across domains without target labels: 12 pairs of the Amazon reviews.

    python -m benchmarks.adaptation [--seeds 3] [--pairs books-dvd ...] [--json FILE]

Each pair has 2,000 labelled rows of the source, 2,000 unlabelled ones of the target, and the target's test file,
whose labels are read for the figures alone. *source* is logistic regression on log tf-idf; the others read denoised
rows as well. *self_training* is the library's default plan and so the one with a target; *combined* is the mean chance
of the three; with `--choose`, corruption and the one method of *chosen* are taken by reverse validation on source
labels. The seed decides the networks.
"""

from __future__ import annotations

import argparse
import time
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from benchmarks.rows import Row, mean_interval, print_rows, write_rows
from benchmarks.shared_data import shared_data
from chiasm.training.adaptation import (
    Alignment,
    Denoiser,
    LogTfIdf,
    Plan,
    SelfTraining,
    adapt,
    reverse_accuracy,
)

_DOMAINS = ("books", "dvd", "electronics", "kitchen")
_FEATURES = 5000
#: Words in fewer of the 4,000 reviews of a pair are left out.
_FEWEST = 10
#: Mean target accuracy of Ganin et al. 2016, table 1.
_PAPER = {
    "books-dvd": 0.784, "books-electronics": 0.733, "books-kitchen": 0.779, "dvd-books": 0.723,
    "dvd-electronics": 0.754, "dvd-kitchen": 0.783, "electronics-books": 0.713, "electronics-dvd": 0.738,
    "electronics-kitchen": 0.854, "kitchen-books": 0.709, "kitchen-dvd": 0.740, "kitchen-electronics": 0.843,
}  # fmt: skip
_METHODS = ("source", "coral", "adversarial", "self_training", "combined")
#: Of `chiasm.training.adaptation.Plan`.
_DEFAULT = Plan().method


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--pairs", nargs="*", choices=sorted(_PAPER), metavar="FROM-TO")
    parser.add_argument(
        "--choose", action="store_true", help="corruption and method of each pair by reverse validation"
    )
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    torch.set_num_threads(min(2, torch.get_num_threads()))
    folder = shared_data() / "amazon-reviews"
    data = {
        name: (read_counts(folder, name, "train"), read_counts(folder, name, "test")) for name in _DOMAINS
    }
    figures: dict[str, list[dict[str, float]]] = defaultdict(list)
    for pair in args.pairs or sorted(_PAPER):
        started = time.perf_counter()
        source, target = (data[name] for name in pair.split("-"))
        figures[pair] = judged(source[0], target[0][0], target[1], args.seeds, args.choose)
        methods = _named(figures)
        means = {m: round(float(np.mean([f[m] for f in figures[pair]])), 4) for m in methods}
        print(f"{pair}: {means} in {time.perf_counter() - started:.0f} s", flush=True)
    rows = _rows(figures)
    print_rows(rows)
    write_rows(rows, args.json)


def read_counts(folder: Path, domain: str, part: str) -> tuple[np.ndarray, np.ndarray]:
    """Counts of words, ``(rows, 5000)``, and labels of an svmlight file."""
    counts, labels = [], []
    for line in (folder / f"{domain}_{part}.svmlight").read_text("ascii").splitlines():
        label, *entries = line.split()
        row = np.zeros(_FEATURES, dtype=np.float32)
        for entry in entries:
            place, count = entry.split(":")
            row[int(place)] = float(count)
        counts.append(row)
        labels.append(int(label))
    return np.stack(counts), np.array(labels)


def judged(
    source: tuple[np.ndarray, np.ndarray],
    target: np.ndarray,
    test: tuple[np.ndarray, np.ndarray],
    seeds: int,
    choose: bool = False,
) -> list[dict[str, float]]:
    """Target accuracy by method, one mapping a seed."""
    both = np.concatenate([source[0], target])
    kept = (both > 0).sum(0) >= _FEWEST
    weigh = LogTfIdf.fit(both[:, kept])
    plain, unlabelled, asked = (weigh(rows[:, kept]) for rows in (source[0], target, test[0]))
    labels, truth = source[1], test[1]
    alone = Plan("source", fit_to=2.0)
    bare = _accuracy(adapt(plain, labels, unlabelled, alone).predict(asked), truth)
    corruption = _corruption(plain, labels, unlabelled) if choose else 0.8
    denoise = Denoiser.fit(np.concatenate([plain, unlabelled]), corruption)
    rows, others, asked = denoise(plain), denoise(unlabelled), denoise(asked)
    best = _method(rows, labels, others) if choose else None
    results: list[dict[str, float]] = []
    fixed: dict[str, np.ndarray] = {}
    for seed in range(seeds):
        scores = {}
        for name, plan in _plans().items():
            scores[name] = fixed.get(name)
            if scores[name] is None:
                scores[name] = adapt(rows, labels, others, plan, seed=seed).scores(asked)
            if plan.method == "self_training":
                # Linear methods have no chance in them.
                fixed[name] = scores[name]
        accuracy = {name: _accuracy(_said(one, labels), truth) for name, one in scores.items()}
        together = sum(np.exp(one) for one in scores.values())
        results.append(
            {
                "source": bare,
                **accuracy,
                "combined": _accuracy(_said(together, labels), truth),
                **({"chosen": accuracy[best]} if best else {}),
            }
        )
    return results


def _corruption(rows: np.ndarray, labels: np.ndarray, others: np.ndarray) -> float:
    """What serves best by reverse validation of plain logistic regression."""
    found = {}
    for corruption in (0.6, 0.8, 0.9):
        denoise = Denoiser.fit(np.concatenate([rows, others]), corruption)
        alone = Plan("source", fit_to=2.0)
        found[corruption] = reverse_accuracy(denoise(rows), labels, denoise(others), alone)["reverse"]
    return max(found, key=lambda one: found[one])


def _method(rows: np.ndarray, labels: np.ndarray, others: np.ndarray) -> str:
    found = {name: reverse_accuracy(rows, labels, others, plan)["reverse"] for name, plan in _plans().items()}
    return max(found, key=lambda name: found[name])


def _plans() -> Mapping[str, Plan]:
    base = Alignment(epochs=6)
    return {
        "coral": Plan("coral", alignment=replace(base, loss="coral", strength=1.0)),
        "adversarial": Plan("adversarial", alignment=replace(base, loss="adversarial", strength=0.3)),
        "self_training": Plan("self_training", fit_to=2.0, self_training=SelfTraining(rounds=3, share=0.6)),
    }


def _said(scores: np.ndarray, labels: np.ndarray) -> np.ndarray:
    said: np.ndarray = np.unique(labels)[scores.argmax(axis=1)]
    return said


def _accuracy(said: np.ndarray, truth: np.ndarray) -> float:
    return float((said == truth).mean())


def _named(figures: Mapping[str, list[dict[str, float]]]) -> list[str]:
    chosen = any("chosen" in run for runs in figures.values() for run in runs)
    return [*_METHODS, *(["chosen"] if chosen else [])]


def _rows(figures: Mapping[str, list[dict[str, float]]]) -> list[Row]:
    rows = []
    means: dict[str, tuple[float, tuple[float, float]]] = {}
    whole = set(figures) == set(_PAPER)
    for method in _named(figures):
        seeds = [
            float(np.mean([runs[n][method] for runs in figures.values()]))
            for n in range(len(next(iter(figures.values()))))
        ]
        means[method] = mean_interval(seeds)
        value, spread = means[method]
        target = ">= 0.795" if method == _DEFAULT and whole else ""
        rows.append(
            Row(
                f"{method}_mean",
                value,
                target=target,
                spread=spread,
                n=len(seeds),
                baseline="DANN paper .763",
            )
        )
    gain = means[_DEFAULT][0] - means["source"][0]
    rows.append(Row(f"{_DEFAULT}_gain", gain, target=">= 0.01", baseline="source only", n=len(figures)))
    for pair, runs in figures.items():
        for method in _named(figures):
            value, spread = mean_interval([run[method] for run in runs])
            name = f"{pair}_{method}"
            rows.append(Row(name, value, spread=spread, n=len(runs), baseline=f"DANN paper {_PAPER[pair]}"))
    return rows


if __name__ == "__main__":
    main()
