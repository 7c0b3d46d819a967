"""Suffix of a file -> how graphs are read from it and written to it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from chiasm_graph.errors import GraphFileError

if TYPE_CHECKING:
    from chiasm_graph.store import TripleTable

__all__ = ["graph_suffixes", "read_graph", "write_graph"]

#: Each module has `read(path)` and `write(table, path)`.
_MODULES: Mapping[str, str] = {
    ".csv": "delimited",
    ".graphml": "graphml",
    ".json": "node_link",
    ".nt": "ntriples",
    ".owl": "rdf",
    ".rdf": "rdf",
    ".tsv": "delimited",
    ".ttl": "rdf",
    ".xml": "rdf",
}


def graph_suffixes() -> tuple[str, ...]:
    """Suffixes that are known, sorted."""
    return tuple(sorted(_MODULES))


def read_graph(path: Path) -> TripleTable:
    """The graph of a file, by its suffix.

    All statements come back with literals, origins and confidences, where the file has any. RDF is a set: what is
    stated twice is there once.

    Raises:
        GraphFileError: An unknown suffix, or a file that cannot be read: says the line where it can.
    """
    table: TripleTable = _module(path).read(path)
    return table


def write_graph(table: TripleTable, path: Path) -> None:
    """Write a graph, by the file's suffix; aside and renamed, so that no half file is left.

    Nodes without any statement are kept by GraphML and node-link JSON alone. RDF states confidence and origin by
    reification, where they are not sure and `DEFAULT_ORIGIN`.

    Raises:
        GraphFileError: An unknown suffix, or a name that the format cannot hold.
    """
    module = _module(path)
    aside = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        module.write(table, aside, path.suffix.lower())
        aside.replace(path)
    finally:
        aside.unlink(missing_ok=True)


def _module(path: Path) -> Any:
    name = _MODULES.get(path.suffix.lower())
    if name is None:
        raise GraphFileError(
            f"unknown format {path.suffix!r}", where=str(path), remedy=f"use {', '.join(graph_suffixes())}"
        )
    return import_module(f"chiasm_graph.formats.{name}")
