"""Losses by step, kept beside a release: one JSON object a line."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

__all__ = ["LOSSES_FILE", "LossesFile", "read_curves"]

LOSSES_FILE = "losses.jsonl"
#: Points of a curve in a report.
_POINTS = 200


class LossesFile:
    """Appends each step's losses; a run that resumes goes on where its checkpoint stands.

    Args:
        path: The file.
        step: Steps that are done; lines of later ones are of a run that was lost.
    """

    def __init__(self, path: Path, step: int) -> None:
        self.path = path
        kept = [line for line in _lines(path) if line["step"] <= step]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("".join(json.dumps(line) + "\n" for line in kept), encoding="utf-8")

    def add(self, step: int, losses: Mapping[str, float]) -> None:
        """Append the losses after a number of steps."""
        rounded = {name: round(value, 5) for name, value in losses.items()}
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps({"step": step, **rounded}) + "\n")


def read_curves(path: Path, points: int = _POINTS) -> dict[str, Any]:
    """Steps, and each loss at them (None where a step had none), thinned out to means of neighbours.

    Empty where there is no file.
    """
    lines = _lines(path)
    if not lines:
        return {}
    names = sorted({name for line in lines for name in line} - {"step"})
    size = max(1, -(-len(lines) // points))
    groups = [lines[start : start + size] for start in range(0, len(lines), size)]
    return {
        "steps": [group[-1]["step"] for group in groups],
        "losses": {name: [_mean(group, name) for group in groups] for name in names},
    }


def _mean(group: list[dict[str, Any]], name: str) -> float | None:
    found = [line[name] for line in group if name in line]
    return round(sum(found) / len(found), 5) if found else None


def _lines(path: Path) -> list[dict[str, Any]]:
    """What can be read: the last line of a killed run may be torn, and what follows a torn one is not believed."""
    found: list[dict[str, Any]] = []
    if not path.is_file():
        return found
    for text in path.read_text(encoding="utf-8", errors="replace").splitlines():
        try:
            line = json.loads(text)
        except (ValueError, RecursionError):
            break
        sound = isinstance(line, dict) and all(type(v) in (int, float) for v in line.values())
        if not sound or type(line.get("step")) is not int:
            break
        found.append(line)
    return found
