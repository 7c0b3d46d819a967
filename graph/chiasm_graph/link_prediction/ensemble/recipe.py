"""Recipes of ensembles: which members, and how each is trained."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from chiasm_graph.errors import LinkRecipeError
from chiasm_graph.link_prediction.checked_config import checked_config, refuse_unless
from chiasm_graph.link_prediction.recipe_files import figures_of, read_recipe, recipe_names, section
from chiasm_graph.link_prediction.text.config import TextConfig

__all__ = ["EnsembleRecipe", "ReasonConfig", "ensemble_recipe_names", "load_ensemble_recipe"]

_PACKAGE = "chiasm_graph.link_prediction.ensemble"
_FIXED = ("dataset", "description", "expected", "published", "targets")


@dataclass(frozen=True)
class ReasonConfig:
    """Rules of an ensemble: how far they are mined."""

    max_seconds: float = 300.0
    #: Bodies that are counted, for each relation.
    max_bodies: int = 100
    #: Rules kept, for each relation.
    max_rules: int = 300
    max_length: int = 3

    def check(self, where: str = "config") -> None:
        """Refuse values that are not positive.

        Raises:
            LinkRecipeError: Says which.
        """
        least = min(self.max_seconds, self.max_bodies, self.max_rules, self.max_length)
        refuse_unless({f"{', '.join(vars(self))} must be positive": least > 0}, where)


@dataclass(frozen=True)
class EnsembleRecipe:
    """Members of an ensemble on one data set, and what it gives."""

    name: str
    #: Folder of the data set.
    dataset: str
    description: str
    #: Name of the link recipe, by member; "complex: wn18rr-complex".
    structure: Mapping[str, str]
    #: Towers over texts, by member; with or without surroundings.
    text: Mapping[str, TextConfig]
    #: Whether cases and analogies by text are members.
    alike: bool
    #: None for no rules.
    rules: ReasonConfig | None
    #: Whether cases vote.
    cases: bool
    #: Distances that have a weight each: 0 for the head itself, then so many hops; -1 for none.
    near: int
    #: How far a relation's weights may stand from those of all.
    spread: float
    #: Figures on the test split, by row; empty where nobody has measured them yet.
    expected: Mapping[str, float]
    #: What is asked for, by row.
    targets: Mapping[str, float]
    #: MRR of others on the same data, by model.
    published: Mapping[str, float]


def ensemble_recipe_names() -> tuple[str, ...]:
    """Names of the recipes that come with the package."""
    return recipe_names(_PACKAGE)


def load_ensemble_recipe(name_or_path: str) -> EnsembleRecipe:
    """Read a recipe.

    Args:
        name_or_path: One of `ensemble_recipe_names`, a data set (its recipe ``DATASET-ensemble``), or a YAML file.

    Raises:
        LinkRecipeError: No such recipe, no valid YAML, an unknown key, or an impossible value.
    """
    keys = (*_FIXED, "structure", "text", "alike", "rules", "cases", "near", "spread")
    name, data = read_recipe(_PACKAGE, name_or_path, default="ensemble", keys=keys)
    recipe = EnsembleRecipe(
        name=name,
        dataset=data["dataset"],
        description=str(data.get("description", "")),
        structure={str(member): str(of) for member, of in section(data, "structure", name).items()},
        text={
            str(member): TextConfig.from_mapping(values, where=f"{name}: text: {member}")
            for member, values in section(data, "text", name).items()
        },
        alike=_of_kind(data, "alike", False, name),
        rules=_rules(data, name),
        cases=_of_kind(data, "cases", False, name),
        near=_of_kind(data, "near", -1, name),
        spread=_of_kind(data, "spread", 0.1, name),
        **figures_of(data, name),
    )
    members = (
        len(recipe.structure) + len(recipe.text) + (recipe.rules is not None) + recipe.cases + recipe.alike
    )
    twice = set(recipe.structure) & set(recipe.text)
    refuse_unless(
        {
            "an ensemble needs at least one of structure, text, alike, rules and cases": members > 0,
            f"members need different names, not {', '.join(sorted(twice))} twice": not twice,
            "spread must be positive": recipe.spread > 0,
        },
        name,
    )
    return recipe


def _rules(data: Mapping[str, Any], name: str) -> ReasonConfig | None:
    if "rules" not in data:
        return None
    return checked_config(ReasonConfig, section(data, "rules", name), f"{name}: rules")


def _of_kind(data: Mapping[str, Any], key: str, default: Any, name: str) -> Any:
    value = data.get(key, default)
    if type(value) is not type(default):
        raise LinkRecipeError(f"must be {type(default).__name__}, not {value!r}", where=f"{name}: {key}")
    return value
