"""N-Triples: names, texts, attributes and statements; keys that are no IRIs are wrapped."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from functools import lru_cache
from pathlib import Path
from typing import IO, Any

from chiasm.archive.entities import GivenEntity
from chiasm.archive.watch import Step, Watch
from chiasm.origins import GIVEN
from chiasm_graph.formats.iris import name_of_iri, wrapped_name

__all__ = ["NTriples", "write_ntriples"]

_LABEL = "http://www.w3.org/2000/01/rdf-schema#label"
_COMMENT = "http://www.w3.org/2000/01/rdf-schema#comment"
_JSON = "http://www.w3.org/1999/02/22-rdf-syntax-ns#JSON"
_XSD = "http://www.w3.org/2001/XMLSchema#"


class NTriples:
    """A file of statements, which is made with the first one."""

    def __init__(self, path: Path, stack: ExitStack) -> None:
        self._path = path
        self._stack = stack
        self._file: IO[str] | None = None

    def edge(self, head: str, relation: str, tail: str) -> None:
        """State an edge between two entities."""
        self._write(head, relation, _node(tail))

    def literal(self, head: str, relation: str, value: Any, lang: str | None = None) -> None:
        """State a value; what RDF has no type for is JSON."""
        self._write(head, relation, _literal(value, lang))

    def _write(self, head: str, relation: str, end: Any) -> None:
        import pyoxigraph

        if self._file is None:
            self._file = self._stack.enter_context(self._path.open("w", encoding="utf-8", newline="\n"))
        self._file.write(f"{pyoxigraph.Triple(_node(head), _node(relation), end)} .\n")


def write_ntriples(entities: Iterator[GivenEntity], folder: Path, watch: Watch) -> Counter[str]:
    """Write `graph.nt`; how many of what. Confidences, media and roles have no place in it."""
    counts: Counter[str] = Counter()
    with ExitStack() as stack:
        # An empty graph is a file too.
        (folder / "graph.nt").touch()
        out = NTriples(folder / "graph.nt", stack)
        for number, entity in enumerate(entities, start=1):
            counts["stubs" if entity.stub else "entities"] += 1
            _entity(out, entity, counts)
            watch(Step("entities", number))
    return counts


def _entity(out: NTriples, entity: GivenEntity, counts: Counter[str]) -> None:
    if entity.title:
        lang = next((text.lang for text in entity.texts if text.value == entity.title), None)
        out.literal(entity.key, _LABEL, entity.title, lang)
    for text in entity.texts:
        if text.value != entity.title:
            out.literal(entity.key, _COMMENT, text.value, text.lang)
            counts["texts"] += 1
    if entity.domain:
        out.literal(entity.key, "domain", entity.domain)
    for name, value in entity.attributes.items():
        for part in value if isinstance(value, list) else [value]:
            if part is not None:
                out.literal(entity.key, name, part)
    for statement in entity.statements:
        if statement.origin not in GIVEN:
            counts["left_out"] += 1
            continue
        counts["relations"] += 1
        if statement.object is not None:
            out.edge(entity.key, statement.predicate, statement.object)
        else:
            out.literal(entity.key, statement.predicate, statement.value)
    counts["left_out"] += len(entity.media)


@lru_cache(maxsize=10_000)
def _node(name: str) -> Any:
    import pyoxigraph

    try:
        if name_of_iri(name) == name:
            return pyoxigraph.NamedNode(name)
    except ValueError:
        # No IRI: the wrapped one below is.
        return pyoxigraph.NamedNode(wrapped_name(name))
    return pyoxigraph.NamedNode(wrapped_name(name))


def _literal(value: Any, lang: str | None) -> Any:
    import pyoxigraph

    if isinstance(value, dict) and value.keys() == {"value", "lang"}:
        value, lang = value["value"], value["lang"]
    if isinstance(value, str):
        try:
            return pyoxigraph.Literal(value, language=lang or None)
        except ValueError:
            # The language is no tag that RDF knows.
            return pyoxigraph.Literal(value)
    kinds = {bool: _XSD + "boolean", int: _XSD + "integer", float: _XSD + "double"}
    kind = kinds.get(type(value), _JSON)
    return pyoxigraph.Literal(json.dumps(value, ensure_ascii=False), datatype=pyoxigraph.NamedNode(kind))
