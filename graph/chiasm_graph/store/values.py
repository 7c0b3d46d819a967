"""Literal values as text, and back."""

from __future__ import annotations

import json
from typing import Any

__all__ = ["text_of", "value_of"]


def text_of(value: Any) -> str:
    """JSON of a value, equal for equal values.

    Raises:
        ValueError: It is no JSON: not a number, or of a type that JSON has not.
    """
    try:
        return json.dumps(value, ensure_ascii=False, sort_keys=True, allow_nan=False, separators=(",", ":"))
    except TypeError as error:
        raise ValueError(str(error)) from error


def value_of(text: str) -> Any:
    """The value that `text_of` was given."""
    return json.loads(text)
