"""Training recipes: YAML files validated into frozen dataclasses."""

from __future__ import annotations

import dataclasses
import typing
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from typing import Any

from chiasm.errors import RecipeError
from chiasm.fusion.recipe_values import built, override, parsed
from chiasm.fusion.task_recipe import (
    ConsistencyConfig,
    DomainConfig,
    HardConfig,
    LabelsConfig,
    MixingConfig,
    TasksConfig,
    task_rules,
)
from chiasm.origins import GIVEN, ORIGINS

__all__ = [
    "AudioConfig",
    "ConsistencyConfig",
    "DomainConfig",
    "EncodersConfig",
    "FusionConfig",
    "GraphConfig",
    "HardConfig",
    "ImageConfig",
    "LabelsConfig",
    "MixingConfig",
    "Recipe",
    "TasksConfig",
    "TrainingConfig",
    "load_recipe",
    "recipe_names",
]


@dataclass(frozen=True)
class ImageConfig:
    """Pictures: which encoder, or how to train a student of the text teacher."""

    #: Encoder spec of a pretrained model; None trains a student.
    encoder: str | None = None
    #: Side in pixels of the square pictures that a student sees.
    side: int = 64
    #: Options of `chiasm_encoders.train_image_student`, by name.
    student: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class AudioConfig:
    """Sounds: which encoder, or how to train a student of the text teacher."""

    #: Encoder spec of a pretrained model; None trains a student.
    encoder: str | None = None
    #: Longest part of a sound that the snapshot keeps for a student.
    max_s: float = 10.0
    #: Options of `chiasm_encoders.train_audio_student`, by name.
    student: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class EncodersConfig:
    """The encoder of each modality."""

    #: Encoder spec of the text teacher; None is the default one.
    text: str | None = None
    #: Options of `chiasm_encoders.distil.tune_text_encoder`, by name; None leaves the text encoder as it is.
    text_tuning: Mapping[str, Any] | None = None
    image: ImageConfig = field(default_factory=ImageConfig)
    audio: AudioConfig = field(default_factory=AudioConfig)
    #: Options of `chiasm_encoders.distil.train_paired_students`, by name: in a catalogue without any text the students
    #: of pictures and sounds are trained together, and what teaches them is that one entity has both. None trains
    #: each alone.
    pairs: Mapping[str, Any] | None = field(default_factory=dict)


@dataclass(frozen=True)
class GraphConfig:
    """The relational GNN and its sampling."""

    dim: int = 256
    layers: int = 2
    #: Half-edges drawn per node, by hop.
    fanout: tuple[int, ...] = (12, 4)
    dropout: float = 0.1
    #: Which statements are trained on, and read by graph tokens after it, by where they come from: stated, table, rule,
    #: predicted. What rules derived is left out unless it is named here.
    origins: tuple[str, ...] = GIVEN
    #: Predicates that form hierarchies: the way from an entity up to the root is a token of its own. ``auto`` finds them,
    #: ``^has_part`` is read downwards; none by default.
    paths: tuple[str, ...] = ()


@dataclass(frozen=True)
class FusionConfig:
    """The Transformer."""

    dim: int = 256
    #: Leading parts of the fused vector that must work alone.
    prefixes: tuple[int, ...] = (64, 128)
    layers: int = 2
    heads: int = 4
    width: int = 256
    dropout: float = 0.1
    #: Tokens of one modality that an item may have; more are thinned out evenly.
    max_tokens: int = 8


@dataclass(frozen=True)
class TrainingConfig:
    """The optimiser's side."""

    epochs: int = 2
    batch: int = 256
    learning_rate: float = 3e-4
    weight_decay: float = 0.01
    #: Rate of the input projections relative to the others.
    projection_rate: float = 0.1
    warmup_ratio: float = 0.1
    #: Decay of the moving average of the weights that is released.
    average: float = 0.99
    #: Released weights are ``start + learned * (average - start)``: what was learned on known words costs
    #: unknown ones less when it is followed only part of the way (Wortsman 2022, WiSE-FT).
    learned: float = 0.5
    #: Chance that a modality is hidden from a view.
    modality_dropout: float = 0.3
    temperature: float = 0.07
    #: Steps between two checkpoints.
    checkpoint_steps: int = 100
    #: Parts that a batch is drawn and computed in; negatives are those of a part.
    accumulate: int = 1
    #: Epochs without a better valid hit@10 after which training ends with the best weights; 0 trains to the end.
    patience: int = 0


@dataclass(frozen=True)
class Recipe:
    """All that decides a training run beside the data and the seed."""

    name: str = "offline"
    description: str = ""
    #: What the recipe should reach, measured on which data.
    expected: str = ""
    encoders: EncodersConfig = field(default_factory=EncodersConfig)
    graph: GraphConfig = field(default_factory=GraphConfig)
    fusion: FusionConfig = field(default_factory=FusionConfig)
    tasks: TasksConfig = field(default_factory=TasksConfig)
    mixing: MixingConfig = field(default_factory=MixingConfig)
    labels: LabelsConfig = field(default_factory=LabelsConfig)
    hard: HardConfig = field(default_factory=HardConfig)
    domain: DomainConfig = field(default_factory=DomainConfig)
    consistency: ConsistencyConfig = field(default_factory=ConsistencyConfig)
    training: TrainingConfig = field(default_factory=TrainingConfig)

    def to_dict(self) -> dict[str, Any]:
        """The recipe as plain data, as `load_recipe` reads it."""
        return typing.cast("dict[str, Any]", _plain(dataclasses.asdict(self)))


def recipe_names() -> tuple[str, ...]:
    """Names of the recipes that come with Chiasm."""
    folder = resources.files("chiasm.fusion") / "recipes"
    return tuple(sorted(p.name[:-5] for p in folder.iterdir() if p.name.endswith(".yaml")))


def load_recipe(name_or_path: str, overrides: Mapping[str, str] | None = None) -> Recipe:
    """Read a recipe.

    Args:
        name_or_path: A name of `recipe_names`, or a YAML file.
        overrides: Dotted keys to YAML values, e.g. ``{"training.epochs": "3"}``.

    Raises:
        RecipeError: No such recipe, an unknown key, or a value of the wrong kind or range.
    """
    text, where = _read(name_or_path)
    data = parsed(text, where)
    for dotted, value in (overrides or {}).items():
        override(data, dotted, value)
    recipe = typing.cast(Recipe, built(Recipe, data, where))
    _check(recipe, where)
    return recipe


def _read(name_or_path: str) -> tuple[str, str]:
    if name_or_path in recipe_names():
        file = resources.files("chiasm.fusion") / "recipes" / f"{name_or_path}.yaml"
        return file.read_text(encoding="utf-8"), name_or_path
    path = Path(name_or_path)
    if not path.is_file():
        raise RecipeError(
            "no such recipe",
            where=name_or_path,
            remedy=f"use a YAML file or one of {', '.join(recipe_names())}",
        )
    return path.read_text(encoding="utf-8"), str(path)


def _check(recipe: Recipe, where: str) -> None:
    """Refuse values that no training could run with."""
    rules = {
        "fusion.dim must be positive": recipe.fusion.dim > 0,
        "fusion.width must be a multiple of fusion.heads": recipe.fusion.width % max(1, recipe.fusion.heads)
        == 0,
        "fusion.prefixes must lie below fusion.dim": all(
            0 < p < recipe.fusion.dim for p in recipe.fusion.prefixes
        ),
        "graph.fanout needs one number a layer": len(recipe.graph.fanout) == recipe.graph.layers,
        f"graph.origins must be of {', '.join(ORIGINS)}": set(ORIGINS) >= set(recipe.graph.origins) != set(),
        "training.batch must be at least 2": recipe.training.batch >= 2,
        "training.epochs must not be negative": recipe.training.epochs >= 0,
        "training.accumulate must be at least 1 and leave 2 in each part": 1
        <= recipe.training.accumulate
        <= recipe.training.batch // 2,
        "training.patience must not be negative": recipe.training.patience >= 0,
        "training.checkpoint_steps must be at least 1": recipe.training.checkpoint_steps >= 1,
        "training.average must lie in [0, 1)": 0 <= recipe.training.average < 1,
        "training.learned must lie in [0, 1]": 0 <= recipe.training.learned <= 1,
        **task_rules(recipe.tasks, recipe.mixing, recipe.hard, recipe.domain, recipe.consistency),
    }
    for message, holds in rules.items():
        if not holds:
            raise RecipeError(message, where=where)


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: _plain(v) for k, v in value.items()}
    return list(value) if isinstance(value, tuple) else value
