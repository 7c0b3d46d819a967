"""GraphML and node-link JSON, by networkx: nodes are records, edges are triples."""

from __future__ import annotations

import io
import json
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import ParseError

from chiasm.errors import ManifestError
from chiasm.ingest.readers.lines import read_whole
from chiasm.ingest.records import checked_confidence, checked_origin
from chiasm.ingest.rows import Edge, Row
from chiasm.ingest.values import checked_json, checked_name
from chiasm.origins import ORIGINS
from chiasm_graph.exchange import LITERALS

__all__ = ["read_graphml", "read_node_link"]

#: Node attributes that are fields of a record; all others become attributes.
_FIELDS = frozenset({"domain", "title", "text", "image", "audio", "attributes"})
_TITLES = ("title", "label", "name")
_KEY = ("key",)
_RELATIONS = ("relation", "predicate", "label", *_KEY)
_MALFORMED = (ValueError, KeyError, TypeError, AttributeError, RecursionError, OSError, EOFError, zlib.error)
_DEFAULT_RELATION = "related_to"


def read_graphml(path: Path, *, line: int = 0, offset: int = 0) -> Iterator[Row]:
    """Rows of a GraphML file, nodes first; the whole graph is held in memory."""
    import networkx

    try:
        graph = networkx.read_graphml(io.BytesIO(read_whole(path)))
    except (ParseError, networkx.NetworkXError, *_MALFORMED) as error:
        yield Row(1, ManifestError(f"not GraphML: {error}"[:300], remedy="export it again"))
        return
    # Keys of its edges are their ids.
    yield from _rows(graph, line, keyed=False)


def read_node_link(path: Path, *, line: int = 0, offset: int = 0) -> Iterator[Row]:
    """Rows of a node-link JSON file, nodes first; the whole graph is held in memory."""
    import networkx

    try:
        data = json.loads(read_whole(path))
        edges = "links" if "links" in data and "edges" not in data else "edges"
        graph = networkx.node_link_graph(data, edges=edges)
    except (*_MALFORMED, networkx.NetworkXError) as error:
        remedy = 'write {"nodes": [{"id": ...}], "edges": [{"source": ..., "target": ..., "relation": ...}]}'
        yield Row(
            1, ManifestError(f"not node-link JSON: {type(error).__name__} {error}"[:300], remedy=remedy)
        )
        return
    yield from _rows(graph, line, keyed=graph.is_multigraph())


def _rows(graph: Any, line: int, *, keyed: bool) -> Iterator[Row]:
    number = 0
    for node, about in graph.nodes(data=True):
        said = _literals(about)
        number += 1
        if number > line and about:
            yield Row(number, _record(node, about))
        for one in said:
            number += 1
            if number > line:
                yield Row(number, _literal(node, one))
    for head, tail, *key, about in graph.edges(keys=True, data=True) if keyed else graph.edges(data=True):
        number += 1
        if number > line:
            yield Row(number, _edge(head, tail, {**dict.fromkeys(_KEY if key else (), *key), **about}))


def _literals(about: dict[str, Any]) -> list[dict[str, Any]]:
    """Statements about values, taken out of a node's attributes; a list of another kind stays an attribute."""
    given = about.get(LITERALS)
    try:
        listed = json.loads(given) if isinstance(given, str) else given
    except (ValueError, RecursionError):
        return []
    if not isinstance(listed, list) or not all(
        isinstance(one, dict) and {"predicate", "value"} <= one.keys() for one in listed
    ):
        return []
    del about[LITERALS]
    return listed


def _literal(node: Any, said: dict[str, Any]) -> Edge | ManifestError:
    try:
        return Edge(
            checked_name(str(node), "id"),
            checked_name(said["predicate"], "predicate"),
            None,
            checked_json(said["value"], "value"),
            *_about(said),
        )
    except ManifestError as error:
        return error


def _record(node: Any, about: dict[str, Any]) -> dict[str, Any]:
    record: dict[str, Any] = {"key": str(node)}
    record.update({name: about[name] for name in _FIELDS if about.get(name) is not None})
    titles = [name for name in _TITLES if isinstance(about.get(name), str)]
    if titles:
        record["title"] = about[titles[0]]
    rest = {name: value for name, value in about.items() if name not in _FIELDS and name not in titles[:1]}
    if rest:
        given = record.get("attributes")
        record["attributes"] = {**rest, **given} if isinstance(given, dict) else rest
    return record


def _edge(head: Any, tail: Any, about: dict[str, Any]) -> Edge | ManifestError:
    try:
        relation = next(
            (about[name] for name in _RELATIONS if isinstance(about.get(name), str)), _DEFAULT_RELATION
        )
        return Edge(
            checked_name(str(head), "source"),
            checked_name(relation, "relation"),
            checked_name(str(tail), "target"),
            None,
            *_about(about),
        )
    except ManifestError as error:
        return error


def _about(said: dict[str, Any]) -> tuple[float, str | None]:
    """Confidence, and the origin if it is one of ours: in graphs of others the word may mean anything."""
    confidence = checked_confidence(checked_json(said.get("confidence", 1.0), "confidence"))
    origin = said.get("origin")
    return confidence, checked_origin(origin) if isinstance(origin, str) and origin in ORIGINS else None
