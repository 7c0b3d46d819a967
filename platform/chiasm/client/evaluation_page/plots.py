"""Plots as SVG text; whatever is written in them comes from outside and is escaped."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from html import escape

__all__ = ["curves", "heat_table", "plane", "reliability_diagram"]

#: Eight colours that people with any colour vision tell apart (Okabe and Ito 2008, less the yellow).
_COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00", "#000000", "#999999")
_WIDTH, _HEIGHT, _EDGE = 560, 300, 44


def heat_table(
    rows: Sequence[str], columns: Sequence[str], values: Mapping[tuple[str, str], float | None]
) -> str:
    """A table of shares; the darker a cell the greater its share, and what was not asked is empty."""
    head = "".join(f"<th>{escape(column)}</th>" for column in columns)
    body = []
    for row in rows:
        cells = "".join(_cell(values.get((row, column))) for column in columns)
        body.append(f"<tr><th>{escape(row)}</th>{cells}</tr>")
    return f"<table class=heat><tr><th></th>{head}</tr>{''.join(body)}</table>"


def _cell(value: float | None) -> str:
    if value is None or not math.isfinite(value):
        return "<td></td>"
    share = min(1.0, max(0.0, value))
    ink = "#fff" if share > 0.55 else "#111"
    return f'<td style="background:rgba(0,90,156,{share:.2f});color:{ink}">{value:.3f}</td>'


def curves(steps: Sequence[float], lines: Mapping[str, Sequence[float | None]], label: str) -> str:
    """Lines over steps on a logarithmic scale, as losses of tasks differ by orders; gaps where there is no value."""
    known = [v for line in lines.values() for v in line if v is not None and math.isfinite(v) and v > 0]
    if not steps or not known:
        return "<p>Nothing was kept.</p>"
    low, high = math.log10(min(known)), math.log10(max(known))
    high = high if high > low else low + 1
    last = max(steps)
    drawn = []
    for number, (name, line) in enumerate(sorted(lines.items())):
        colour = _COLOURS[number % len(_COLOURS)]
        for run in _runs(steps, line):
            points = " ".join(
                f"{_across(step / last):.1f},{_up((math.log10(v) - low) / (high - low)):.1f}"
                for step, v in run
            )
            drawn.append(f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="1.6"/>')
        y = 16 + 15 * number
        drawn.append(f'<text x="{_WIDTH + 6}" y="{y}" fill="{colour}">{escape(name)}</text>')
    ticks = [(10**low, 0.0), (10 ** ((low + high) / 2), 0.5), (10**high, 1.0)]
    return _frame("".join(drawn), label, ticks, [(0.0, 0.0), (last, 1.0)], margin=130)


def _runs(steps: Sequence[float], line: Sequence[float | None]) -> list[list[tuple[float, float]]]:
    runs: list[list[tuple[float, float]]] = [[]]
    for step, value in zip(steps, line, strict=False):
        if value is None or not math.isfinite(value) or value <= 0:
            runs.append([])
        else:
            runs[-1].append((step, value))
    return [run for run in runs if run]


def plane(points: Sequence[Sequence[object]], domains: Sequence[str]) -> str:
    """Points coloured by domain."""
    places = [(float(str(p[0])), float(str(p[1]))) for p in points]
    wide = max((abs(v) for place in places for v in place), default=0.0) or 1.0
    drawn = []
    for (x, y), point in zip(places, points, strict=True):
        colour = _COLOURS[int(str(point[2])) % len(_COLOURS)]
        at = f'cx="{_across((x / wide + 1) / 2):.1f}" cy="{_up((y / wide + 1) / 2):.1f}"'
        drawn.append(f'<circle {at} r="2.6" fill="{colour}" fill-opacity=".65"/>')
    for number, name in enumerate(domains):
        colour, y = _COLOURS[number % len(_COLOURS)], 16 + 15 * number
        drawn.append(f'<text x="{_WIDTH + 6}" y="{y}" fill="{colour}">{escape(name)}</text>')
    return _frame("".join(drawn), "two strongest axes", [], [], margin=130)


def reliability_diagram(bins: Sequence[Sequence[float]]) -> str:
    """How often what was scored was right; on the diagonal scores are chances. A point's area is its mass."""
    most = max((b[2] for b in bins), default=1.0) or 1.0
    drawn = [
        f'<line x1="{_across(0)}" y1="{_up(0)}" x2="{_across(1)}" y2="{_up(1)}" stroke="#999" '
        'stroke-dasharray="4 4"/>'
    ]
    for score, frequency, count in bins:
        radius = 3 + 7 * math.sqrt(count / most)
        at = f'cx="{_across(score):.1f}" cy="{_up(frequency):.1f}" r="{radius:.1f}"'
        title = f"score {score:.3f}, right {frequency:.3f}, {count:.0f} pairs"
        drawn.append(f'<circle {at} fill="{_COLOURS[0]}" fill-opacity=".7"><title>{title}</title></circle>')
    ticks = [(0.0, 0.0), (0.5, 0.5), (1.0, 1.0)]
    return _frame("".join(drawn), "share that is right, by score", ticks, ticks)


def _across(share: float) -> float:
    return _EDGE + share * (_WIDTH - 2 * _EDGE)


def _up(share: float) -> float:
    return _HEIGHT - _EDGE - share * (_HEIGHT - 2 * _EDGE)


def _frame(
    inner: str,
    label: str,
    up: Sequence[tuple[float, float]],
    across: Sequence[tuple[float, float]],
    margin: int = 0,
) -> str:
    """Axes around a plot; ticks are values and where they stand."""
    marks = [
        f'<text x="{_EDGE - 6}" y="{_up(at) + 4:.1f}" text-anchor="end">{value:.3g}</text>'
        for value, at in up
    ]
    marks += [
        f'<text x="{_across(at):.1f}" y="{_HEIGHT - _EDGE + 16}" text-anchor="middle">{value:.4g}</text>'
        for value, at in across
    ]
    box = (
        f'<rect x="{_EDGE}" y="{_EDGE}" width="{_WIDTH - 2 * _EDGE}" height="{_HEIGHT - 2 * _EDGE}" '
        'fill="none" stroke="#bbb"/>'
    )
    return (
        f'<svg viewBox="0 0 {_WIDTH + margin} {_HEIGHT}" role="img" aria-label="{escape(label)}">'
        f'{box}{"".join(marks)}{inner}<text x="{_EDGE}" y="{_EDGE - 10}" class="label">{escape(label)}</text></svg>'
    )
