"""Puts together what the report shows, from the catalogue, the answers and the fused space."""

from __future__ import annotations

import importlib.metadata
import json
import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from examples.emoji.catalogue import Summary
from examples.emoji.fused import fused_vectors
from examples.emoji.report.data import Example, Figure, Judged, MapPoint, ReportData, Step
from examples.emoji.report.layout import lay_out

__all__ = ["Answers", "gather", "map_points", "read_records"]


@dataclass(frozen=True)
class Answers:
    """What the release told."""

    release: str
    figures: tuple[Figure, ...]
    links: Mapping[str, float]
    examples: tuple[Example, ...]
    judged: tuple[Judged, ...]
    points: tuple[MapPoint, ...]


def gather(
    catalogue: Path,
    records: Mapping[str, Mapping[str, Any]],
    summary: Summary,
    steps: tuple[Step, ...],
    answers: Answers,
) -> ReportData:
    """The report's data.

    Args:
        catalogue: Folder of the catalogue.
        records: Key -> line of its manifest.
        summary: What it holds.
        steps: What was done so far.
        answers: What the release told.
    """
    drawn = {key: one["image"][0] for key, one in records.items() if one.get("image")}
    spoken = {key: one["audio"][0]["path"] for key, one in records.items() if one.get("audio")}
    return ReportData(
        release=answers.release,
        counts=_counts(summary),
        steps=steps,
        figures=answers.figures,
        judged=answers.judged,
        examples=answers.examples,
        points=answers.points,
        pictures={key: catalogue / path for key, path in drawn.items()},
        sounds={key: catalogue / path for key, path in spoken.items()},
        missing=summary.missing,
        links=answers.links,
        versions=_versions(),
    )


def read_records(manifest: Path) -> dict[str, dict[str, Any]]:
    """Key -> line of the manifest."""
    lines = manifest.read_text(encoding="utf-8").splitlines()
    return {record["key"]: record for record in map(json.loads, lines)}


def map_points(home: Path, records: Mapping[str, Mapping[str, Any]], seed: int) -> tuple[MapPoint, ...]:
    """Every entity that has a fused vector, laid out in two dimensions; none before the first release."""
    keys = list(records)
    vectors = fused_vectors(home, keys)
    if not vectors.shape[1]:
        return ()
    placed = np.flatnonzero(~np.isnan(vectors).any(axis=1))
    plane = lay_out(vectors[placed], seed)  # (placed, 2)
    return tuple(_point(records[keys[row]], x, y) for row, (x, y) in zip(placed, plane.tolist(), strict=True))


def _point(record: Mapping[str, Any], x: float, y: float) -> MapPoint:
    attributes = record["attributes"]
    names: dict[str, str] = {}
    for text in record["text"]:
        # The first text of a language is the name, the second the keywords.
        if text["lang"] != "en":
            names.setdefault(text["lang"], text["value"])
    group = attributes.get("group", "")
    return MapPoint(record["key"], x, y, record["title"], group, attributes["char"], names)


def _counts(summary: Summary) -> dict[str, int]:
    counts = {name: getattr(summary, name) for name in ("entities", "pictures", "recordings", "edges")}
    return counts | {f"lang:{language}": number for language, number in summary.languages.items()}


def _versions(packages: Sequence[str] = ("chiasm", "torch", "faiss-cpu")) -> dict[str, str]:
    found = {}
    for package in packages:
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found | {"Python": platform.python_version()}
