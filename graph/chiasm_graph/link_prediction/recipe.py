"""Recipes: YAML files, one a data set and model, each with the figure it should reach."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

import yaml

from chiasm_graph.errors import LinkRecipeError
from chiasm_graph.link_prediction.config import LinkConfig

__all__ = ["LinkRecipe", "link_recipe_names", "load_link_recipe"]

_KEYS = ("config", "dataset", "description", "expected", "published", "targets")


@dataclass(frozen=True)
class LinkRecipe:
    """How to train on one data set, and what that gives."""

    name: str
    #: Folder of the data set.
    dataset: str
    description: str
    config: LinkConfig
    #: Figures on the test split, by row; empty where nobody has measured them yet.
    expected: Mapping[str, float]
    #: What is asked for, by row: ``mrr: 0.45``.
    targets: Mapping[str, float]
    #: MRR of others on the same data, by model.
    published: Mapping[str, float]


def link_recipe_names() -> tuple[str, ...]:
    """Names of the recipes that come with the package."""
    folder = resources.files("chiasm_graph.link_prediction") / "recipes"
    return tuple(sorted(p.name[:-5] for p in folder.iterdir() if p.name.endswith(".yaml")))


def load_link_recipe(name_or_path: str) -> LinkRecipe:
    """Read a recipe.

    Args:
        name_or_path: One of `link_recipe_names`, a data set (its ComplEx recipe), or a YAML file.

    Raises:
        LinkRecipeError: No such recipe, no valid YAML, an unknown key, or an impossible value.
    """
    text, name = _read(name_or_path)
    try:
        data = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise LinkRecipeError(f"no valid YAML: {error}", where=name) from error
    if not isinstance(data, dict):
        raise LinkRecipeError("a recipe is a mapping of keys to values", where=name)
    unknown = sorted(set(map(str, data)) - set(_KEYS))
    if unknown:
        raise LinkRecipeError(
            f"unknown key {', '.join(unknown)}", where=name, remedy=f"known keys are {', '.join(_KEYS)}"
        )
    if not isinstance(data.get("dataset"), str):
        raise LinkRecipeError("dataset must name a folder", where=name)
    figures = {key: _figures(data.get(key, {}), f"{name}: {key}") for key in _KEYS[3:]}
    config = data.get("config", {})
    if not isinstance(config, dict):
        raise LinkRecipeError("config must be a mapping", where=name)
    return LinkRecipe(
        name=name,
        dataset=data["dataset"],
        description=str(data.get("description", "")),
        config=LinkConfig.from_mapping(config, where=f"{name}: config"),
        **figures,
    )


def _read(name_or_path: str) -> tuple[str, str]:
    names = link_recipe_names()
    for name in (name_or_path, f"{name_or_path}-complex"):
        if name in names:
            file = resources.files("chiasm_graph.link_prediction") / "recipes" / f"{name}.yaml"
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
