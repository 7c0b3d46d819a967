"""The evaluation report of a release, as lines of the demo's tables."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from examples.emoji.report.data import BASELINES, Figure

__all__ = ["figures_of", "links_of"]

_METRIC = "hit@10"
Row = Mapping[str, Any]


def figures_of(report: Mapping[str, Any]) -> tuple[Figure, ...]:
    """One figure a line of `retrieval`, with what each baseline reached on the same queries."""
    baselines = {name: _rows(report.get("baselines", {}).get(name)) for name in BASELINES}
    return tuple(_figure(row, baselines) for row in report.get("retrieval", []) if row.get("n"))


def links_of(report: Mapping[str, Any]) -> dict[str, float]:
    """Link prediction: metric -> value; empty where nothing was judged."""
    links = report.get("links") or {}
    wanted = {"mrr": "MRR", "hits@1": "hits@1", "hits@3": "hits@3", "hits@10": "hits@10"}
    return {label: float(links[name]) for name, label in wanted.items() if links.get(name) is not None}


def _rows(baseline: Any) -> dict[tuple[Any, ...], Row]:
    """A baseline's lines by what they are about."""
    lines = baseline.get("retrieval", []) if isinstance(baseline, Mapping) else baseline or []
    return {_about(row): row for row in lines}


def _about(row: Row) -> tuple[Any, ...]:
    return tuple(row.get(name) for name in ("query", "target", "from", "into"))


def _figure(row: Row, baselines: Mapping[str, Mapping[tuple[Any, ...], Row]]) -> Figure:
    reached, gains = {}, {}
    for name, lines in baselines.items():
        line = lines.get(_about(row))
        if line is None:
            continue
        reached[name] = float(line[_METRIC])
        low, high = _interval(line.get("gain_ci95")) or (None, None)
        gains[name] = (float(line.get("gain", row[_METRIC] - line[_METRIC])), low, high)
    return Figure(
        query=str(row["query"]),
        target=str(row["target"]),
        queries=int(row["n"]),
        hit10=float(row[_METRIC]),
        mrr=float(row.get("mrr", 0.0)),
        interval=_interval(row.get("ci95")),
        baselines=reached,
        gains=gains,
        domains=(str(row.get("from") or ""), str(row.get("into") or "")),
    )


def _interval(pair: Any) -> tuple[float, float] | None:
    return (float(pair[0]), float(pair[1])) if pair is not None and len(pair) == 2 else None
