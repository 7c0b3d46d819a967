"""The shapes of text students that a budget is tried on."""

from __future__ import annotations

from chiasm_encoders.text.students import TextShape

__all__ = ["TEXT_SHAPES"]

#: Of each kind from small to large; who searches sorts them by their size on disk.
TEXT_SHAPES = (
    TextShape(kind="static", width=64),
    TextShape(kind="static", width=128),
    TextShape(kind="static", width=256),
    TextShape(kind="static", width=384),
    TextShape(kind="lstm", width=64, hidden=96),
    TextShape(kind="lstm", width=128, hidden=128),
    TextShape(kind="transformer", width=64, hidden=192, layers=2),
    TextShape(kind="transformer", width=144, hidden=192, layers=2),
    TextShape(kind="transformer", width=192, hidden=256, layers=3),
)
