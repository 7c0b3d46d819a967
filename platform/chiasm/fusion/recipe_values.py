"""A mapping read from YAML becomes dataclasses, or an error that names the key."""

from __future__ import annotations

import dataclasses
import types
import typing
from typing import Any

from chiasm.errors import RecipeError

__all__ = ["built", "override", "parsed"]


def parsed(text: str, where: str) -> dict[str, Any]:
    """The mapping that a YAML document is.

    Raises:
        RecipeError: It is no YAML, or no mapping.
    """
    # Whoever searches imports this module, and reads no file by it.
    import yaml

    try:
        data = yaml.safe_load(text)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise RecipeError(f"no valid YAML: {error}"[:300], where=where) from error
    if not isinstance(data, dict):
        raise RecipeError("it must be a mapping of keys to values", where=where)
    return data


def override(data: dict[str, Any], dotted: str, value: str) -> None:
    """Put the YAML value in the place of the dotted key.

    Raises:
        RecipeError: The key lies below a value, or the value is no YAML.
    """
    *parents, last = dotted.split(".")
    for parent in parents:
        data = data.setdefault(parent, {})
        if not isinstance(data, dict):
            raise RecipeError(f"{parent} has no keys of its own", where=f"--set {dotted}")
    import yaml

    try:
        data[last] = yaml.safe_load(value)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        # Python itself refuses numbers of thousands of digits, and its stack ends.
        raise RecipeError(
            f"no valid YAML value: {value[:80]}",
            where=f"--set {dotted}",
            remedy="write a number, text or list",
        ) from error


def built(kind: type[Any], data: Any, where: str, path: str = "") -> Any:
    """The dataclass made of a mapping; ``path`` leads errors to the key.

    Raises:
        RecipeError: An unknown key, or a value of the wrong kind.
    """
    if not isinstance(data, dict):
        raise RecipeError(f"{path or 'the recipe'} must be a mapping", where=where)
    hints = typing.get_type_hints(kind)
    unknown = sorted(map(str, data.keys() - hints.keys()))
    if unknown:
        keys = ", ".join(f"{path}{name}" for name in unknown)
        known = ", ".join(f"{path}{name}" for name in hints)
        raise RecipeError(f"unknown key {keys}", where=where, remedy=f"known keys are {known}")
    return kind(**{n: _value(hints[n], v, where, f"{path}{n}") for n, v in data.items()})


def _value(hint: Any, value: Any, where: str, path: str) -> Any:
    if dataclasses.is_dataclass(hint):
        return built(typing.cast("type[Any]", hint), value, where, f"{path}.")
    if isinstance(hint, types.UnionType):
        if value is None and type(None) in typing.get_args(hint):
            return None
        hint = next(h for h in typing.get_args(hint) if h is not type(None))
    origin = typing.get_origin(hint)
    item = typing.get_args(hint)[0] if origin is tuple else None
    if item is not None and isinstance(value, (list, tuple)) and all(type(v) is item for v in value):
        return tuple(value)
    if hint is float and isinstance(value, str) and _is_number(value):
        return float(value)  # YAML 1.1 reads 3e-4, without a point, as text
    if hint is float and type(value) in (int, float):
        return float(value)
    if (hint in (int, str) and type(value) is hint) or (
        origin not in (None, tuple) and isinstance(value, dict)
    ):
        return value
    lists = {int: "a list of integers", str: "a list of names"}
    wanted = lists[item] if item is not None else getattr(hint, "__name__", "a mapping")
    raise RecipeError(f"{path} must be {wanted}, not {value!r}", where=where)


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
