"""What text students are taught, and how they are built and exported."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import nn

from chiasm_encoders.distil.imitation import Lessons
from chiasm_encoders.distil.onnx_export import Exported, export_onnx
from chiasm_encoders.distil.teaching import Teaching
from chiasm_encoders.distil.text_lessons import text_lessons
from chiasm_encoders.protocol import Vectors
from chiasm_encoders.text.student_tokens import token_arrays
from chiasm_encoders.text.students import StaticTextStudent, TextShape, build_text_student

if TYPE_CHECKING:
    from tokenizers import Tokenizer

__all__ = ["TextTeaching"]

#: Texts that the exported net is compared on.
_COMPARED = 64


@dataclass(frozen=True, eq=False)
class TextTeaching(Teaching[TextShape]):
    """Texts and what the teacher says of them and of each token."""

    texts: Sequence[str]
    #: Unit vectors `(texts, dim)` by each teacher; the first one's space is the student's.
    told: Sequence[Vectors]
    tokenizer: Tokenizer
    #: What the first teacher says of each token alone, `(vocabulary, dim)`.
    tokens: Vectors
    teacher: str
    modality = "text"

    @property
    def dim(self) -> int:
        """Length of the first teacher's vectors."""
        return int(self.told[0].shape[1])

    def lessons(self) -> Lessons:
        """Texts as the student's tokens."""
        return text_lessons(self.texts, self.told, self.tokenizer)

    def identity(self) -> object:
        """The tokenizer."""
        return self.tokenizer.to_str()

    def built(self, shape: TextShape) -> StaticTextStudent:
        """A student with random weights."""
        return build_text_student(shape, len(self.tokens), self.dim)

    def begun(self, shape: TextShape) -> StaticTextStudent:
        """A student whose table holds what the teacher says of each token."""
        student = self.built(shape)
        student.begin(torch.from_numpy(np.asarray(self.tokens, np.float32)))
        return student

    def exported(self, net: nn.Module) -> Exported:
        """The net for any number of texts and tokens."""
        some = list(self.texts[:: max(1, len(self.texts) // _COMPARED)])[:_COMPARED]
        rows = [one.ids for one in self.tokenizer.encode_batch(some, add_special_tokens=False)]
        # At least two tokens, or the exporter takes their number for a constant.
        rows[0] = [*rows[0], *rows[0], 0, 0][: max(2, len(rows[0]))]
        ids, mask = token_arrays(rows)
        example = {"ids": torch.from_numpy(ids), "mask": torch.from_numpy(mask)}
        return export_onnx(net, example, {"ids": ("batch", "tokens"), "mask": ("batch", "tokens")})

    def settings(self) -> dict[str, Any]:
        """Nothing beside the tokenizer."""
        return {}

    def files(self) -> Mapping[str, bytes]:
        """The tokenizer."""
        return {"tokenizer.json": self.tokenizer.to_str().encode()}
