"""The shape of a text student, and the net of that shape."""

from __future__ import annotations

from dataclasses import dataclass

from chiasm_encoders.errors import SpecError
from chiasm_encoders.text.students.lstm import LstmTextStudent
from chiasm_encoders.text.students.static import StaticTextStudent
from chiasm_encoders.text.students.transformer import TransformerTextStudent

__all__ = ["TextShape", "build_text_student"]


@dataclass(frozen=True, kw_only=True)
class TextShape:
    """What a text student is built from, its vocabulary and the teacher's dimension apart."""

    #: static, lstm or transformer.
    kind: str
    #: Length of a token's vector.
    width: int
    hidden: int = 0
    layers: int = 0
    heads: int = 4

    @property
    def name(self) -> str:
        """As in `transformer-128-256x2`."""
        rest = {"lstm": f"-{self.hidden}", "transformer": f"-{self.hidden}x{self.layers}"}
        return f"{self.kind}-{self.width}{rest.get(self.kind, '')}"


def build_text_student(shape: TextShape, vocabulary: int, dim: int) -> StaticTextStudent:
    """An untrained student.

    Raises:
        SpecError: There is no such kind.
    """
    if shape.kind == "static":
        return StaticTextStudent(vocabulary, shape.width, dim)
    if shape.kind == "lstm":
        return LstmTextStudent(vocabulary, shape.width, dim, shape.hidden)
    if shape.kind == "transformer":
        return TransformerTextStudent(vocabulary, shape.width, dim, shape.hidden, shape.layers, shape.heads)
    raise SpecError("no such kind of text student", where=shape.kind, remedy="static, lstm or transformer")
