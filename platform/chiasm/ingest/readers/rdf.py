"""N-Triples, Turtle and RDF/XML: IRIs are keys, labels are titles, comments are texts."""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

from pyoxigraph import BlankNode, Literal, NamedNode, RdfFormat, parse

from chiasm.errors import ManifestError
from chiasm.ingest.readers.lines import PACKED, open_bytes
from chiasm.ingest.records import checked_origin
from chiasm.ingest.rows import Edge, Label, Row
from chiasm.ingest.values import checked_json, checked_name, checked_text, parse_json
from chiasm_graph.formats.iris import name_of_iri
from chiasm_graph.formats.plain_entities import PlainEntities
from chiasm_graph.formats.reification import Stated, annotated, confidence_of

__all__ = ["read_rdf"]

_XSD = "http://www.w3.org/2001/XMLSchema#"
_NAMES = frozenset(
    {
        "http://www.w3.org/2000/01/rdf-schema#label",
        "http://www.w3.org/2004/02/skos/core#prefLabel",
        "http://schema.org/name",
        "https://schema.org/name",
        "http://xmlns.com/foaf/0.1/name",
        "http://purl.org/dc/terms/title",
        "http://purl.org/dc/elements/1.1/title",
    }
)
_TEXTS = frozenset(
    {
        "http://www.w3.org/2000/01/rdf-schema#comment",
        "http://www.w3.org/2004/02/skos/core#altLabel",
        "http://www.w3.org/2004/02/skos/core#definition",
        "http://schema.org/description",
        "https://schema.org/description",
        "http://purl.org/dc/terms/description",
        "http://purl.org/dc/elements/1.1/description",
        "http://dbpedia.org/ontology/abstract",
    }
)
_JSON = "http://www.w3.org/1999/02/22-rdf-syntax-ns#JSON"
_INTEGERS = frozenset({"integer", "int", "long", "short", "byte", "nonNegativeInteger", "positiveInteger"})
_FLOATS = frozenset({"decimal", "double", "float"})


def read_rdf(path: Path, *, line: int = 0, offset: int = 0) -> Iterator[Row]:
    """Labels, texts and edges; the row's number counts statements.

    A statement that cannot be parsed ends the file: what stood before it is kept.
    """
    number = 0
    try:
        for stated in annotated(_statements(path)):
            number += 1
            if number > line:
                yield Row(number, _content(stated, path))
    # MemoryError: one term is longer than the parser holds.
    except (SyntaxError, ValueError, OSError, EOFError, MemoryError, zlib.error) as error:
        place = getattr(error, "lineno", None)
        what = f"not RDF that can be read: {error}"[:300] + (f" (line {place})" if place else "")
        yield Row(number + 1, ManifestError(what, remedy="mend the statement; those before it were read"))


def _statements(path: Path) -> Iterator[Any]:
    forms = {".nt": RdfFormat.N_TRIPLES, ".ttl": RdfFormat.TURTLE}
    packed = path.suffix.lower() in PACKED
    suffix = Path(path.stem).suffix if packed else path.suffix
    form = forms.get(suffix.lower(), RdfFormat.RDF_XML)
    with open_bytes(path) as file:
        source: Any = PlainEntities(file) if form == RdfFormat.RDF_XML else file
        yield from parse(input=source, format=form, base_iri=path.resolve().as_uri())


def _content(stated: Stated, path: Path) -> Edge | Label | ManifestError:
    try:
        subject, end = _key(stated.subject, path), stated.object
        predicate = _repeated_name(stated.predicate.value, "predicate")
        about = _about(stated)
        if isinstance(end, NamedNode):
            return Edge(subject, predicate, _name(end.value, "IRI"), None, *about)
        if not isinstance(end, Literal):
            return Edge(subject, predicate, _key(end, path), None, *about)
        text = end.value
        if predicate in _NAMES or predicate in _TEXTS:
            value = checked_text(text, "literal").strip()
            if value:
                return Label(subject, value, end.language, predicate in _NAMES)
        return Edge(subject, predicate, None, checked_json(_value(end), "literal"), *about)
    except ManifestError as error:
        return error


def _about(stated: Stated) -> tuple[float, str | None]:
    try:
        confidence = 1.0 if stated.confidence is None else confidence_of(stated.confidence)
    except ValueError as error:
        raise ManifestError(str(error), remedy="write 0.9") from error
    return confidence, None if stated.origin is None else checked_origin(stated.origin)


def _key(node: Any, path: Path) -> str:
    if isinstance(node, NamedNode):
        return _repeated_name(node.value, "IRI")
    if isinstance(node, BlankNode):
        # Blank nodes are of their file alone.
        return f"_:{hashlib.sha256(str(path).encode()).hexdigest()[:12]}:{node.value}"
    raise ManifestError("a statement about a statement is not read", remedy="leave quoted triples out")


def _name(iri: str, field: str) -> str:
    return checked_name(name_of_iri(iri), field)


#: For predicates and subjects, which come again and again; a graph has many objects.
_repeated_name = lru_cache(4096)(_name)


def _value(literal: Any) -> Any:
    """The literal as JSON: by its datatype if that is one of XML Schema's or JSON, else with it; or with its language.

    Of XML Schema's own, dates and the like are text.
    """
    if literal.language:
        return {"value": literal.value, "lang": literal.language}
    kind = literal.datatype.value.removeprefix(_XSD)
    try:
        if kind in _INTEGERS:
            return int(literal.value)
        if kind in _FLOATS:
            return float(literal.value)
    except ValueError as error:
        raise ManifestError(f"{literal.value[:40]!r} is no {kind}", remedy="mend the literal") from error
    if kind == "boolean":
        return literal.value in {"true", "1"}
    if kind == _JSON:
        return parse_json(literal.value)
    if kind == literal.datatype.value:
        return {"value": literal.value, "type": kind}
    return literal.value
