"""Names and values as RDF terms, and back."""

from __future__ import annotations

import json
import re
from functools import lru_cache
from typing import Any

from pyoxigraph import BlankNode, Literal, NamedNode

from chiasm_graph.formats.iris import name_of_iri, wrapped_name
from chiasm_graph.store.values import text_of

__all__ = ["literal_of", "name_of", "node_of", "predicate_of", "value_of_literal"]

_XSD = "http://www.w3.org/2001/XMLSchema#"
_STRING = _XSD + "string"
_JSON = "http://www.w3.org/1999/02/22-rdf-syntax-ns#JSON"
#: Labels that every RDF syntax takes.
_LABEL = re.compile(r"_:[A-Za-z][A-Za-z0-9]*\Z")
#: Dot segments, which a reader with a base IRI would take out.
_DOTS = re.compile(r"/\.{1,2}(/|\Z|[?#])")


@lru_cache(1 << 16)
def node_of(name: str) -> Any:
    """The node that a name stands for: an IRI, a blank node (``_:label``), or an IRI that wraps the name."""
    return BlankNode(name[2:]) if _LABEL.match(name) else predicate_of(name)


@lru_cache(1 << 12)
def predicate_of(name: str) -> Any:
    """The IRI of a name, wrapped if it is none itself."""
    try:
        if name_of_iri(name) == name and not _DOTS.search(name):
            return NamedNode(name)
    except ValueError:
        # No IRI: the wrapped one below is.
        return NamedNode(wrapped_name(name))
    return NamedNode(wrapped_name(name))


def name_of(term: Any) -> str:
    """The name of a node or predicate.

    Raises:
        ValueError: A statement is no name.
    """
    if isinstance(term, NamedNode):
        return name_of_iri(term.value)
    if isinstance(term, BlankNode):
        return f"_:{term.value}"
    raise ValueError("a statement about a statement is read only where it says a confidence or an origin")


def literal_of(value: Any) -> Any:
    """The literal that `value_of_literal` reads as this value, typed as RDF does where that has such a type."""
    if isinstance(value, str):
        return Literal(value)
    if isinstance(value, bool):
        return _typed("true" if value else "false", _XSD + "boolean")
    if isinstance(value, int):
        return _typed(str(value), _XSD + "integer")
    if isinstance(value, float):
        return _typed(json.dumps(value, allow_nan=False), _XSD + "double")
    said = _said_more(value)
    # What would be read as another value is JSON, from which everything comes back.
    return said if said is not None and text_of(value_of_literal(said)) == text_of(value) else _json(value)


def value_of_literal(literal: Any) -> Any:
    """The literal as JSON: text, number or truth value where its own spelling comes back; else with its type.

    ``{"value": text, "lang": tag}`` or ``{"value": text, "type": IRI}``.
    """
    text, kind = literal.value, literal.datatype.value
    if literal.language:
        direction = {"direction": str(literal.direction)} if literal.direction is not None else {}
        return {"value": text, "lang": literal.language, **direction}
    if kind == _STRING:
        return text
    native = _native(text, kind)
    return {"value": text, "type": kind} if native is None else native[0]


def _native(text: str, kind: str) -> tuple[Any] | None:
    """The value of which exactly this literal is made again; None if there is none."""
    try:
        if kind == _XSD + "boolean" and text in ("true", "false"):
            return (text == "true",)
        if kind == _XSD + "integer" and str(int(text)) == text:
            return (int(text),)
        if kind == _XSD + "double" and json.dumps(float(text), allow_nan=False) == text:
            return (float(text),)
        if kind == _JSON:
            value = json.loads(text)
            if isinstance(value, (list, dict, type(None))) and text_of(value):
                return (value,)
    except (ValueError, RecursionError):
        return None
    return None


def _said_more(value: Any) -> Any:
    if not isinstance(value, dict) or not all(isinstance(part, str) for part in value.values()):
        return None
    try:
        if value.keys() == {"value", "lang"}:
            return Literal(value["value"], language=value["lang"])
        if value.keys() == {"value", "type"}:
            return _typed(value["value"], value["type"])
    except ValueError:
        # No tag or IRI that RDF knows.
        return None
    return None


def _json(value: Any) -> Any:
    return _typed(text_of(value), _JSON)


def _typed(text: str, kind: str) -> Any:
    return Literal(text, datatype=NamedNode(kind))
