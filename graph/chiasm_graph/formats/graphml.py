"""GraphML by networkx; literals are JSON in the node's attribute ``literals``."""

from __future__ import annotations

import io
import json
import re
from pathlib import Path
from xml.etree.ElementTree import ParseError

import networkx

from chiasm_graph.errors import GraphFileError
from chiasm_graph.exchange import LITERALS, from_networkx, to_networkx
from chiasm_graph.formats.plain_entities import PlainEntities
from chiasm_graph.store import TripleTable

__all__ = ["read", "write"]

#: What XML cannot hold, or changes into something else.
_ILLEGAL = re.compile("[^\t\n\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def read(path: Path) -> TripleTable:
    """The graph of a GraphML file, held in memory as networkx does."""
    try:
        with path.open("rb") as file:
            plain = io.BytesIO(PlainEntities(file).read(1 << 40))
        return from_networkx(networkx.read_graphml(plain, force_multigraph=True))
    except (ParseError, networkx.NetworkXError, ValueError, KeyError, TypeError, OSError) as error:
        raise GraphFileError(
            f"not GraphML: {error}"[:300], where=str(path), remedy="export it again"
        ) from error


def write(table: TripleTable, path: Path, suffix: str) -> None:
    """Write the graph."""
    for names in (table.nodes, table.relations, table.origins):
        for name in names:
            if _ILLEGAL.search(name):
                raise GraphFileError(
                    "XML cannot hold a character of the name",
                    where=repr(name)[:80],
                    remedy="write node-link JSON",
                )
    graph = to_networkx(table)
    for about in graph.nodes.values():
        if LITERALS in about:
            about[LITERALS] = json.dumps(about[LITERALS])
    networkx.write_graphml_xml(graph, path)
