"""The evaluation report of a release, as lines of the demo's tables."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from examples.emoji.report.data import BASELINES, Figure, Gain

__all__ = ["figures_of", "links_of"]

_METRICS = ("hit@10", "mrr")
Row = Mapping[str, Any]


def figures_of(report: Row) -> tuple[Figure, ...]:
    """One figure a line of `retrieval`; those that know answers by everything carry what fusion gained."""
    return tuple(_figure(row, report.get("baselines", {})) for row in report["retrieval"] if row.get("n"))


def links_of(report: Row) -> dict[str, float]:
    """Link prediction: metric -> value; empty where nothing was judged."""
    links = report.get("links") or {}
    wanted = {"mrr": "MRR", "hits@1": "hits@1", "hits@3": "hits@3", "hits@10": "hits@10"}
    return {label: float(links[name]) for name, label in wanted.items() if links.get(name) is not None}


def _figure(row: Row, baselines: Row) -> Figure:
    return Figure(
        query=str(row["query"]),
        target=str(row["target"]),
        queries=int(row["n"]),
        hit10=float(row["hit@10"]),
        mrr=float(row["mrr"]),
        interval=_interval(row.get("ci95")),
        gains=_gains(row, baselines) if row["target"] == "any" else (),
        domains=(str(row.get("from") or ""), str(row.get("into") or "")),
    )


def _gains(row: Row, baselines: Row) -> tuple[Gain, ...]:
    """Baselines are reported by the modality of the query."""
    lines = {name: baselines.get(name, {}).get(row["query"]) for name in BASELINES}
    return tuple(
        _gain(row, name, line, metric) for name, line in lines.items() if line for metric in _METRICS
    )


def _gain(row: Row, name: str, line: Row, metric: str) -> Gain:
    found = line.get("difference", {}).get(metric) or {"mean": row[metric] - line[metric]}
    space = str(line.get("space", "")) if name == "best_single" else ""
    fused, reached = float(row[metric]), float(line[metric])
    return Gain(
        name, space, metric, fused, reached, float(found["mean"]), found.get("low"), found.get("high")
    )


def _interval(found: Any) -> tuple[float, float] | None:
    """The interval of hit@10, from a pair or from pairs by metric."""
    pair = found.get("hit@10") if isinstance(found, Mapping) else found
    return (float(pair[0]), float(pair[1])) if pair else None
