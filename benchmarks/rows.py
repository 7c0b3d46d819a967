"""Rows of a benchmark: value, target, whether met, spread, versions."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

__all__ = ["Row", "mean_interval", "paired_bootstrap", "print_rows", "write_rows"]

_PACKAGES = (
    "torch",
    "numpy",
    "faiss-cpu",
    "sentence-transformers",
    "torch-geometric",
    "sqlalchemy",
    "celery",
)


def _versions() -> dict[str, str]:
    found = {"python": platform.python_version(), "cores": str(os.cpu_count())}
    for name in _PACKAGES:
        found[name] = version(name)
    return found


@dataclass(frozen=True)
class Row:
    """One figure; `target` is a comparison such as `>= 0.58`, empty for context."""

    row: str
    value: float
    unit: str = "share"
    baseline: str = ""
    target: str = ""
    spread: tuple[float, float] | None = None
    n: int = 1
    versions: dict[str, str] = field(default_factory=_versions)

    @property
    def met(self) -> bool | None:
        """Whether the target is met; None without one."""
        if not self.target:
            return None
        sign, limit = self.target.split()
        return self.value >= float(limit) if sign == ">=" else self.value <= float(limit)


def mean_interval(values: Sequence[float]) -> tuple[float, tuple[float, float]]:
    """Mean over seeds and its 95 % interval (Student's t)."""
    array = np.asarray(values, dtype=np.float64)
    if len(array) < 2:
        return float(array.mean()), (float(array.mean()), float(array.mean()))
    # 97.5 % points of Student's t for 1 to 9 degrees of freedom.
    quantile = (12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262)[min(len(array), 10) - 2]
    half = quantile * float(array.std(ddof=1)) / len(array) ** 0.5
    return float(array.mean()), (float(array.mean()) - half, float(array.mean()) + half)


def paired_bootstrap(
    ours: np.ndarray, baseline: np.ndarray, clusters: Sequence[str] | None = None, rounds: int = 10_000
) -> tuple[float, tuple[float, float]]:
    """Mean difference over queries and its 95 % interval.

    Args:
        ours: Figure per query, averaged over seeds, (queries,).
        baseline: The same of the baseline, (queries,).
        clusters: Source of each query; queries of one source are drawn together.
        rounds: Bootstrap samples.
    """
    difference = np.asarray(ours, dtype=np.float64) - np.asarray(baseline, dtype=np.float64)
    names = list(clusters) if clusters is not None else [str(n) for n in range(len(difference))]
    _, group = np.unique(names, return_inverse=True)
    sums = np.bincount(group, weights=difference)
    sizes = np.bincount(group)
    drawn = np.random.default_rng(0).integers(0, len(sums), size=(rounds, len(sums)))
    means = sums[drawn].sum(axis=1) / sizes[drawn].sum(axis=1)
    low, high = np.quantile(means, (0.025, 0.975))
    return float(difference.mean()), (float(low), float(high))


def print_rows(rows: Sequence[Row]) -> None:
    """Print a table: value, spread, target, verdict."""
    verdicts = {True: "met", False: "NOT MET", None: ""}
    for row in rows:
        spread = f"[{row.spread[0]:.3f}, {row.spread[1]:.3f}]" if row.spread else ""
        print(
            f"{row.row:34} {row.value:9.3f} {row.unit:8} {spread:18} n={row.n:<5} "
            f"{row.target:10} {verdicts[row.met]:8} {row.baseline}"
        )


def write_rows(rows: Sequence[Row], path: Path | None) -> None:
    """Write the rows as JSON; None writes nothing."""
    if path is None:
        return
    data: list[dict[str, Any]] = [{**asdict(row), "met": row.met} for row in rows]
    path.write_text(json.dumps(data, indent=1), encoding="utf-8")
