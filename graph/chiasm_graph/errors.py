"""Errors of the graph package.

```
GraphError(ValueError)
 +-- DamagedStoreError  a kept table whose files are not as they were written
 +-- GraphFileError  a file of an interchange format that cannot be read or written
 +-- LinkDataError  a file of triples that cannot be read
 +-- LinkRecipeError  a recipe of link prediction with an unknown key or an impossible value
 +-- ShapeError     arrays whose lengths or id ranges do not fit together
 +-- UnknownNameError  an entity or a relation that the model has never seen
```
"""

from __future__ import annotations

__all__ = [
    "DamagedStoreError",
    "GraphError",
    "GraphFileError",
    "LinkDataError",
    "LinkRecipeError",
    "ShapeError",
    "UnknownNameError",
]


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


class DamagedStoreError(GraphError):
    """A kept table is damaged; it is derived, so it can be written again."""


class GraphFileError(GraphError):
    """A file cannot be read, or its format cannot hold what is to be written."""


class LinkDataError(GraphError):
    """A file of triples cannot be read, or holds none."""


class LinkRecipeError(GraphError):
    """A recipe has an unknown key, or a value that no training could run with."""


class ShapeError(GraphError):
    """Arrays do not fit together."""


class UnknownNameError(GraphError):
    """An entity or a relation that the model has never seen; it has no vector, so no score."""
