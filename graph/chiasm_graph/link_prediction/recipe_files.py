"""Recipe files of a package, read and checked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib import resources
from pathlib import Path
from typing import Any

import yaml

from chiasm_graph.errors import LinkRecipeError

__all__ = ["figures_of", "read_recipe", "recipe_names", "section"]

_FIGURES = ("expected", "published", "targets")


def recipe_names(package: str) -> tuple[str, ...]:
    """Names of the files in a package's folder ``recipes``, sorted."""
    folder = resources.files(package) / "recipes"
    return tuple(sorted(p.name[:-5] for p in folder.iterdir() if p.name.endswith(".yaml")))


def read_recipe(
    package: str, name_or_path: str, *, default: str, keys: Sequence[str]
) -> tuple[str, dict[str, Any]]:
    """Name and content of a recipe that names a data set.

    Args:
        package: Whose recipes.
        name_or_path: A recipe's name, a data set (its recipe ``DATASET-default``), or a YAML file.
        default: See above.
        keys: Known at the top.

    Raises:
        LinkRecipeError: No such recipe, no valid YAML, an unknown key, or no data set.
    """
    text, name = _text(package, name_or_path, default)
    try:
        data = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise LinkRecipeError(f"no valid YAML: {error}", where=name) from error
    if not isinstance(data, dict):
        raise LinkRecipeError("a recipe is a mapping of keys to values", where=name)
    unknown = sorted(set(map(str, data)) - set(keys))
    if unknown:
        raise LinkRecipeError(
            f"unknown key {', '.join(unknown)}", where=name, remedy=f"known keys are {', '.join(keys)}"
        )
    if not isinstance(data.get("dataset"), str):
        raise LinkRecipeError("dataset must name a folder", where=name)
    return name, data


def section(data: Mapping[str, Any], key: str, name: str) -> dict[str, Any]:
    """A mapping within a recipe; empty where it is missing.

    Raises:
        LinkRecipeError: Something else stands there.
    """
    found = data.get(key, {})
    if not isinstance(found, dict):
        raise LinkRecipeError(f"{key} must be a mapping", where=name)
    return found


def figures_of(data: Mapping[str, Any], name: str) -> dict[str, dict[str, float]]:
    """Figures expected, published and asked for, each a mapping of names to numbers.

    Raises:
        LinkRecipeError: One is no number.
    """
    return {key: _figures(data.get(key, {}), f"{name}: {key}") for key in _FIGURES}


def _text(package: str, name_or_path: str, default: str) -> tuple[str, str]:
    names = recipe_names(package)
    for name in (name_or_path, f"{name_or_path}-{default}"):
        if name in names:
            file = resources.files(package) / "recipes" / f"{name}.yaml"
            return file.read_text(encoding="utf-8"), name
    path = Path(name_or_path)
    if not path.is_file():
        raise LinkRecipeError(
            "no such recipe", where=name_or_path, remedy=f"use a YAML file or one of {', '.join(names)}"
        )
    return path.read_text(encoding="utf-8"), path.stem


def _figures(value: Any, where: str) -> dict[str, float]:
    if not isinstance(value, dict) or not all(type(v) in (int, float) for v in value.values()):
        raise LinkRecipeError("must map names to numbers", where=where)
    return {str(name): float(figure) for name, figure in value.items()}
