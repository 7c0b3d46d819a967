"""What the gate asks for: YAML files validated into a frozen dataclass."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from importlib import resources
from pathlib import Path
from typing import Any

from chiasm.errors import RecipeError
from chiasm.fusion.recipe_values import parsed

__all__ = ["GateRules", "gate_rules", "read_gate"]

_METRICS = ("hit@10", "mrr")


@dataclass(frozen=True)
class GateRules:
    """The values of a gate file, each named by its section and key; None switches a rule off."""

    queries_at_least: float
    queries_share: float
    primary_metric: str
    primary_gain: float | None
    lines_metric: str
    lines_loss: float | None
    lines_confidence: float
    lines_at_least: float
    latency_ratio: float | None
    latency_queries: float
    size_ratio: float | None
    coverage_loss: float | None
    calibration_loss: float | None
    missing_loss: float | None

    def to_dict(self) -> dict[str, dict[str, Any]]:
        """The rules in the shape of a gate file."""
        found: dict[str, dict[str, Any]] = {}
        for name, value in asdict(self).items():
            section, _, key = name.partition("_")
            found.setdefault(section, {})[key] = value
        return found


def read_gate(path: str | Path) -> dict[str, Any]:
    """The mapping in a gate file, checked.

    Raises:
        RecipeError: No such file, no YAML, an unknown key or a value that no gate can have.
    """
    file = Path(path)
    if not file.is_file():
        raise RecipeError("no such gate file", where=str(path), remedy="write one as docs/releases.md shows")
    found = parsed(file.read_text(encoding="utf-8"), str(path))
    gate_rules(found, where=str(path))
    return found


def gate_rules(given: Mapping[str, Any] | None = None, *, where: str = "gate") -> GateRules:
    """The shipped rules, with what is given in their place.

    Raises:
        RecipeError: An unknown key or a value that no gate can have.
    """
    shipped = resources.files("chiasm.releases") / "gates" / "default.yaml"
    values = _flat(parsed(shipped.read_text(encoding="utf-8"), "default.yaml"), "default.yaml")
    chosen = _flat(given or {}, where)
    known = {one.name for one in fields(GateRules)}
    unknown = sorted(chosen.keys() - known)
    if unknown:
        names = ", ".join(sorted(name.replace("_", ".", 1) for name in known))
        raise RecipeError(
            f"unknown key {unknown[0].replace('_', '.', 1)}", where=where, remedy=f"known keys are {names}"
        )
    for name, value in chosen.items():
        _check(name, value, where)
    return GateRules(**{**values, **chosen})


def _flat(given: Mapping[str, Any], where: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for section, values in given.items():
        if not isinstance(values, Mapping):
            raise RecipeError(f"section {section!r} must be a mapping", where=where)
        found |= {f"{section}_{key}": value for key, value in values.items()}
    return found


def _check(name: str, value: Any, where: str) -> None:
    shown = name.replace("_", ".", 1)
    if name.endswith("_metric"):
        if value not in _METRICS:
            raise RecipeError(f"{shown} must be one of {', '.join(_METRICS)}", where=where)
        return
    optional = GateRules.__dataclass_fields__[name].type == "float | None"
    number = isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < float("inf")
    if not number and not (value is None and optional):
        raise RecipeError(f"{shown} must be a number, not {value!r}", where=where)
    if name == "lines_confidence" and not 0.5 < value < 1:
        raise RecipeError(f"{shown} must lie between 0.5 and 1", where=where)
    if name.endswith(("_ratio", "_at_least", "_queries")) and value is not None and value <= 0:
        raise RecipeError(f"{shown} must be positive", where=where)
