"""Renders the report: data in, one HTML file out, nothing beside it and nothing fetched."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import jinja2
from examples.emoji.report.data import (
    BASELINES,
    Example,
    Figure,
    Gain,
    HitView,
    MapPoint,
    QueryPart,
    ReportData,
)
from examples.emoji.report.media import make_atlas, make_clip, thumbnail

__all__ = ["render", "write_report"]

_HERE = Path(__file__).parent
_MODALITIES = ("any", "text", "image", "audio", "graph", "entity", "fused")
_LANGUAGE_NAMES = {"en": "English", "de": "German", "zh": "Chinese"}


def write_report(data: ReportData, path: Path) -> int:
    """Writes the page and returns its size in bytes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    return path.write_bytes(render(data).encode("utf-8"))


def render(data: ReportData) -> str:
    """The page as text."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_HERE),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(
        number=_number, share=_share, points=_points, duration=_duration, chance=_chance
    )
    gains, zero, axis = _gains(data.figures)
    chars = {point.key: point.char for point in data.points}
    return environment.get_template("page.html.j2").render(
        css=(_HERE / "page.css").read_text(encoding="utf-8"),
        js=(_HERE / "page.js").read_text(encoding="utf-8"),
        emblem=(_HERE / "emblem.svg").read_text(encoding="utf-8"),
        payload=_embedded_json({"map": _map(data), "sounds": _sounds(data)}),
        release=data.release,
        counts={"entities": 0, "pictures": 0, "recordings": 0, "edges": 0, **data.counts},
        modality_words=_modality_words(data.counts),
        language_words=_listed([_LANGUAGE_NAMES[code] for code in _languages(data)]),
        headline=_headline(data),
        points=data.points,
        examples=[_example(one, data, chars) for one in data.examples],
        matrix=_matrix(data.figures),
        judged=data.judged,
        baselines=BASELINES,
        gains=gains,
        zero=zero,
        axis=axis,
        steps=data.steps,
        total=sum(step.seconds for step in data.steps),
        longest=max((step.seconds for step in data.steps), default=1.0) or 1.0,
        missing=data.missing,
        links=data.links,
        languages=[(_LANGUAGE_NAMES[code], data.counts[f"lang:{code}"]) for code in _languages(data)],
        versions=data.versions,
    )


def _embedded_json(value: Any) -> str:
    """JSON that cannot end the script element it stands in."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).replace("</", "<\\/")


# -- wording -------------------------------------------------------------------------------------


def _number(value: float) -> str:
    return f"{int(value):,}"


def _share(value: float) -> str:
    """As in `.84`; a rate of one is `1.00`."""
    return f"{value:.2f}".removeprefix("0") if value < 0.995 else "1.00"


def _chance(value: float) -> str:
    return f"{min(1.0, value):.3f}".removeprefix("0")


def _points(value: float, digits: int = 1) -> str:
    """A difference in percentage points with a real minus sign."""
    return f"{100 * value:+.{digits}f}".replace("-", "\u2212")


def _duration(seconds: float) -> str:
    if seconds < 60:
        return f"{seconds:.1f} s"
    return f"{int(seconds // 60)} min {int(seconds % 60):02d} s"


def _listed(words: Sequence[str]) -> str:
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


def _languages(data: ReportData) -> list[str]:
    return [code for code in _LANGUAGE_NAMES if data.counts.get(f"lang:{code}")]


def _modality_words(counts: Mapping[str, int]) -> str:
    kinds = 2 + bool(counts.get("pictures")) + bool(counts.get("recordings"))
    return f"{('two', 'three', 'four')[kinds - 2]} ways to know each"


def _headline(data: ReportData) -> list[tuple[str, str]]:
    names = (("pictures", "pictures"), ("recordings", "recordings"), ("edges", "graph edges"))
    return [(label, _number(data.counts[name])) for name, label in names if data.counts.get(name)]


# -- sections ------------------------------------------------------------------------------------


def _map(data: ReportData) -> dict[str, Any]:
    groups = list(dict.fromkeys(point.group for point in data.points))
    paths = [data.pictures.get(point.key) for point in data.points]
    atlas = make_atlas(paths) if any(paths) else None
    return {
        "points": [_point(point, groups.index(point.group)) for point in data.points],
        "groups": groups,
        "atlas": atlas.uri if atlas else "",
        "cell": atlas.cell if atlas else 0,
        "columns": atlas.columns if atlas else 1,
        "drawn": "".join("1" if path else "0" for path in paths),
    }


def _point(point: MapPoint, group: int) -> list[Any]:
    return [
        round(point.x, 4),
        round(point.y, 4),
        point.key,
        point.char,
        point.title,
        list(point.names.values()),
        group,
    ]


def _sounds(data: ReportData) -> dict[str, str]:
    keys = {hit.key for example in data.examples for hit in example.hits}
    return {key: make_clip(data.sounds[key]).uri for key in sorted(keys) if key in data.sounds}


def _example(example: Example, data: ReportData, chars: Mapping[str, str]) -> dict[str, Any]:
    return {
        "title": example.title,
        "note": example.note,
        "command": example.command,
        "parts": [_part(part, data) for part in example.parts],
        "hits": [_hit(hit, data, chars) for hit in example.hits],
        # Scores are calibrated and may all be small; the bars compare the hits with the best of them.
        "best": max((hit.score for hit in example.hits), default=0.0) or 1.0,
    }


def _part(part: QueryPart, data: ReportData) -> dict[str, Any]:
    shown = {**asdict(part), "uri": "", "clip": None}
    if part.kind == "image":
        shown["uri"] = thumbnail(Path(part.value), 128)
    elif part.kind == "audio":
        shown["clip"] = make_clip(Path(part.value))
    elif part.kind == "entity" and part.value in data.pictures:
        shown["uri"] = thumbnail(data.pictures[part.value], 112)
    return shown


def _hit(hit: HitView, data: ReportData, chars: Mapping[str, str]) -> dict[str, Any]:
    picture = data.pictures.get(hit.key)
    return {
        **asdict(hit),
        "uri": thumbnail(picture) if picture else "",
        "char": chars.get(hit.key, "·"),
        "sound": hit.key in data.sounds,
    }


def _matrix(figures: Sequence[Figure]) -> dict[str, Any]:
    """Rows by what is asked with, columns by what the answer is known by; the largest sample wins."""
    cells: dict[tuple[str, str], Figure] = {}
    for figure in sorted(figures, key=lambda one: one.queries):
        cells[figure.query, figure.target] = figure
    queries = _ordered({query for query, _ in cells})
    targets = _ordered({target for _, target in cells})
    rows = [(query, [cells.get((query, target)) for target in targets]) for query in queries]
    return {"columns": targets, "rows": rows}


def _ordered(names: set[str]) -> list[str]:
    return sorted(names, key=lambda name: (_MODALITIES.index(name) if name in _MODALITIES else 99, name))


def _gains(figures: Sequence[Figure]) -> tuple[list[dict[str, Any]], float, list[dict[str, Any]]]:
    """Rows of the table of gains, where zero lies on their common axis, and the axis's marks."""
    shown = [figure for figure in figures if figure.gains]
    gains = [gain for figure in shown for gain in figure.gains]
    ends = [end for gain in gains for end in (gain.mean, gain.low, gain.high) if end is not None]
    step = _axis_step(max(map(abs, ends), default=0.05))
    low = step * math.floor(min([0.0, *ends]) / step)
    high = step * math.ceil(max([step, *ends]) / step)

    def along(value: float | None) -> float | None:
        return None if value is None else round((value - low) / (high - low), 4)

    rows = [
        {
            "query": figure.query,
            "queries": figure.queries,
            "domains": f"{figure.domains[0]} to {figure.domains[1]}" if len(set(figure.domains)) > 1 else "",
            "lines": [_line(gain, along) for gain in figure.gains],
        }
        for figure in shown
    ]
    marks = [low + step * index for index in range(round((high - low) / step) + 1)]
    axis = [{"x": along(mark), "label": _points(mark, 0) if round(mark, 9) else "0"} for mark in marks]
    return rows, along(0.0) or 0.0, axis


def _line(gain: Gain, along: Callable[[float | None], float | None]) -> dict[str, Any]:
    unsure = gain.low is None or gain.high is None or gain.low <= 0 <= gain.high
    return {
        "name": BASELINES.get(gain.baseline, gain.baseline.replace("_", " ")),
        "space": gain.space,
        "metric": {"mrr": "MRR"}.get(gain.metric, gain.metric),
        "fused": gain.fused,
        "value": gain.reached,
        "gain": gain.mean,
        "sign": "even" if unsure else "up" if gain.mean > 0 else "down",
        "x": along(gain.mean),
        "low_x": along(gain.low),
        "high_x": along(gain.high),
    }


def _axis_step(reach: float) -> float:
    """A round step that gives an axis of at most some six marks."""
    return next((step for step in (0.01, 0.02, 0.05, 0.1, 0.2) if reach / step <= 4), 0.5)
