"""Node-link JSON by networkx; literals are a list in the node's attribute ``literals``."""

from __future__ import annotations

import json
from pathlib import Path

import networkx

from chiasm_graph.errors import GraphFileError
from chiasm_graph.exchange import from_networkx, to_networkx
from chiasm_graph.store import TripleTable

__all__ = ["read", "write"]

_MALFORMED = (
    ValueError,
    KeyError,
    TypeError,
    AttributeError,
    RecursionError,
    OSError,
    networkx.NetworkXError,
)


def read(path: Path) -> TripleTable:
    """The graph of a node-link file; its edges may be called ``edges`` or ``links``."""
    try:
        data = json.loads(path.read_bytes())
        edges = "links" if "links" in data and "edges" not in data else "edges"
        return from_networkx(networkx.node_link_graph(data, edges=edges))
    except _MALFORMED as error:
        raise GraphFileError(
            f"not node-link JSON: {type(error).__name__} {error}"[:300],
            where=str(path),
            remedy='write {"nodes": [{"id": ...}], "edges": [{"source": ..., "target": ..., "predicate": ...}]}',
        ) from error


def write(table: TripleTable, path: Path, suffix: str) -> None:
    """Write the graph."""
    data = networkx.node_link_data(to_networkx(table), edges="edges")
    path.write_text(json.dumps(data, ensure_ascii=False, allow_nan=False), encoding="utf-8")
