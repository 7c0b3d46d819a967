"""Frozen configurations out of mappings, every key and kind checked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any, Protocol, TypeVar

from chiasm_graph.errors import LinkRecipeError

__all__ = ["checked_config", "refuse_unless"]


class _Checked(Protocol):
    def check(self, where: str = "config") -> None: ...


Config = TypeVar("Config", bound=_Checked)


def checked_config(cls: type[Config], values: Mapping[str, Any], where: str) -> Config:
    """A configuration of a frozen dataclass whose fields all have defaults.

    Args:
        cls: The dataclass; its ``check`` refuses values that are impossible together.
        values: By field.
        where: Names the source in errors.

    Raises:
        LinkRecipeError: An unknown key, or a value of the wrong kind or out of range.
    """
    kinds = {item.name: type(item.default) for item in fields(cls)}  # type: ignore[arg-type]
    unknown = sorted(set(map(str, values)) - set(kinds))
    if unknown:
        raise LinkRecipeError(
            f"unknown key {', '.join(unknown)}", where=where, remedy=f"known keys are {', '.join(kinds)}"
        )
    config = cls(**{name: _value(kinds[name], value, f"{where}: {name}") for name, value in values.items()})
    config.check(where)
    return config


def refuse_unless(rules: Mapping[str, bool], where: str) -> None:
    """Refuse the first rule that does not hold.

    Raises:
        LinkRecipeError: Says the rule.
    """
    for message, holds in rules.items():
        if not holds:
            raise LinkRecipeError(message, where=where)


def _value(kind: type[Any], value: Any, where: str) -> Any:
    if kind is float and isinstance(value, str):
        try:  # YAML 1.1 reads 1e-3, without a point, as text
            return float(value)
        except ValueError:
            pass
    if kind is float and type(value) in (int, float):
        return float(value)
    if type(value) is kind:
        return value
    raise LinkRecipeError(f"must be {kind.__name__}, not {value!r}", where=where)
