"""Errors of the graph package.

```
GraphError(ValueError)
 +-- ShapeError     arrays whose lengths or id ranges do not fit together
```
"""

from __future__ import annotations

__all__ = ["GraphError", "ShapeError"]


class GraphError(ValueError):
    """Base of all; carries what was wrong, where, and what to do.

    Args:
        what: What was wrong, one sentence without a full stop.
        where: The array, node or relation that it concerns.
        remedy: What the caller can do about it.
    """

    def __init__(self, what: str, *, where: str | None = None, remedy: str | None = None) -> None:
        super().__init__(what)
        self.what = what
        self.where = where
        self.remedy = remedy

    def __str__(self) -> str:
        place = f"{self.where}: " if self.where else ""
        advice = f" ({self.remedy})" if self.remedy else ""
        return f"{place}{self.what}{advice}"


class ShapeError(GraphError):
    """Arrays do not fit together."""
