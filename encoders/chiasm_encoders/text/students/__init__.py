"""Small nets that read tokens and answer in a teacher's space; one architecture a file.

All map `(ids (batch, tokens), mask (batch, tokens))` to unit vectors `(batch, dim)` and begin as the mean of what the
teacher says of each token alone, so that training has the rest to learn.
"""

from chiasm_encoders.text.students.lstm import LstmTextStudent
from chiasm_encoders.text.students.shape import TextShape, build_text_student
from chiasm_encoders.text.students.static import StaticTextStudent
from chiasm_encoders.text.students.transformer import TransformerTextStudent

__all__ = [
    "LstmTextStudent",
    "StaticTextStudent",
    "TextShape",
    "TransformerTextStudent",
    "build_text_student",
]
