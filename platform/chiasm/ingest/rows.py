"""What readers hand on: one row of a source, as a record, an edge, a label or an error."""

from __future__ import annotations

from typing import Any, NamedTuple

from chiasm.errors import ManifestError

__all__ = ["Edge", "Label", "Row"]


class Edge(NamedTuple):
    """A triple that is added to what is known."""

    head: str
    relation: str
    #: Key of the object; None if it is a literal.
    tail: str | None
    literal: Any = None
    confidence: float = 1.0
    #: stated, rule or predicted; None: a row of a table, as most are.
    origin: str | None = None


class Label(NamedTuple):
    """A name or a text that is added to an entity."""

    key: str
    value: str
    lang: str | None = None
    #: Whether it may become the title.
    names: bool = True


class Row(NamedTuple):
    """One row: its content, the line it stands on, and where the next one begins."""

    #: From 1; a row's number where the source has no lines.
    line: int
    #: A raw record (`dict`), an edge, a label, or what is wrong with the line.
    content: dict[str, Any] | Edge | Label | ManifestError
    #: Byte offset behind it, in sources that can be entered there; else 0.
    offset: int = 0
    #: File that it stands in, where that is not the source itself.
    file: str | None = None
