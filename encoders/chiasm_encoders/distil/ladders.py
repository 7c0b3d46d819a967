"""What a budget is tried on, by modality: shapes from small to large, and how they are trained."""

from __future__ import annotations

import dataclasses
from typing import Any, NamedTuple

from chiasm_encoders.distil.grid_shapes import AUDIO_SHAPES, IMAGE_SHAPES
from chiasm_encoders.distil.grid_student import GridImitationConfig
from chiasm_encoders.distil.imitation import ImitationConfig
from chiasm_encoders.distil.text_shapes import TEXT_SHAPES

__all__ = ["LADDERS", "Ladder"]


class Ladder(NamedTuple):
    """Shapes and training of one modality's students."""

    shapes: tuple[Any, ...]
    #: As tuned; options of a distillation replace fields of it.
    config: ImitationConfig

    @property
    def kinds(self) -> list[str]:
        """Families of nets, in the order of the shapes."""
        return list(dict.fromkeys(shape.kind for shape in self.shapes))

    def named(self, names: list[str]) -> list[Any]:
        """Shapes whose kind or own name is among some; all for none."""
        return [shape for shape in self.shapes if not names or {shape.kind, shape.name} & {*names}]

    def configured(self, options: dict[str, Any], device: str) -> Any:
        """The training with some options changed."""
        return dataclasses.replace(self.config, **options, device=device)


LADDERS = {
    "text": Ladder(TEXT_SHAPES, ImitationConfig()),
    "image": Ladder(IMAGE_SHAPES, GridImitationConfig()),
    "audio": Ladder(AUDIO_SHAPES, GridImitationConfig(lessons=4000, epochs=8)),
}
