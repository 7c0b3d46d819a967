"""Recipes: YAML files, one a data set and model, each with the figure it should reach."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from chiasm_graph.link_prediction.config import LinkConfig
from chiasm_graph.link_prediction.recipe_files import figures_of, read_recipe, recipe_names, section

__all__ = ["LinkRecipe", "link_recipe_names", "load_link_recipe"]

_PACKAGE = "chiasm_graph.link_prediction"
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
    return recipe_names(_PACKAGE)


def load_link_recipe(name_or_path: str) -> LinkRecipe:
    """Read a recipe.

    Args:
        name_or_path: One of `link_recipe_names`, a data set (its ComplEx recipe), or a YAML file.

    Raises:
        LinkRecipeError: No such recipe, no valid YAML, an unknown key, or an impossible value.
    """
    name, data = read_recipe(_PACKAGE, name_or_path, default="complex", keys=_KEYS)
    return LinkRecipe(
        name=name,
        dataset=data["dataset"],
        description=str(data.get("description", "")),
        config=LinkConfig.from_mapping(section(data, "config", name), where=f"{name}: config"),
        **figures_of(data, name),
    )
