"""Turtle and RDF/XML by pyoxigraph, and what all RDF syntaxes share."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from pyoxigraph import Literal, RdfFormat, Triple, parse, serialize

from chiasm_graph.errors import GraphFileError
from chiasm_graph.formats.plain_entities import PlainEntities
from chiasm_graph.formats.rdf_terms import literal_of, name_of, node_of, predicate_of, value_of_literal
from chiasm_graph.formats.reification import Stated, annotated, confidence_of, reified
from chiasm_graph.store import DEFAULT_ORIGIN, TableBuilder, TripleTable
from chiasm_graph.store.values import value_of

__all__ = ["add_statements", "read", "unreadable", "write"]

_FORMS = {".nt": RdfFormat.N_TRIPLES, ".ttl": RdfFormat.TURTLE}
#: What XML cannot hold, not even escaped.
_ILLEGAL = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
#: How a tag ends; a predicate is written as one.
_TAG = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*\Z")


def read(path: Path) -> TripleTable:
    """The statements of a Turtle or RDF/XML file."""
    form = _FORMS.get(path.suffix.lower(), RdfFormat.RDF_XML)
    builder = TableBuilder()
    try:
        with path.open("rb") as file:
            source: Any = PlainEntities(file) if form == RdfFormat.RDF_XML else file
            quads = parse(input=source, format=form, base_iri=path.resolve().as_uri())
            add_statements(builder, annotated(quads))
    # MemoryError: one term is longer than the parser holds.
    except (SyntaxError, ValueError, OSError, MemoryError) as error:
        raise unreadable(path, error, getattr(error, "lineno", None)) from error
    return builder.finish().distinct()


def unreadable(path: Path, error: Exception, line: int | None) -> GraphFileError:
    """What is wrong with a file, and on which line."""
    if isinstance(error, FileNotFoundError):
        return GraphFileError("no such file", where=str(path), remedy="check the path")
    where = f"{path}, line {line}" if line else str(path)
    return GraphFileError(f"no RDF that can be read: {error}"[:300], where=where, remedy="mend the statement")


def add_statements(builder: TableBuilder, statements: Iterable[Stated]) -> None:
    """Add statements to a table; those that were said something of come last, as later ones are the surer.

    Raises:
        ValueError: A confidence that is none, or a statement about a statement.
    """
    later: list[Stated] = []
    for one in statements:
        if one.confidence is not None or one.origin is not None:
            later.append(one)
        else:
            _add(builder, one)
    for one in later:
        _add(builder, one)


def write(table: TripleTable, path: Path, suffix: str) -> None:
    """Write the statements; a format that cannot hold one says which."""
    form = _FORMS.get(suffix, RdfFormat.RDF_XML)
    if form == RdfFormat.RDF_XML:
        _check_xml(table)
    with path.open("wb") as file:
        serialize(_statements(table), file, form)


def _add(builder: TableBuilder, one: Stated) -> None:
    about: dict[str, Any] = {"origin": DEFAULT_ORIGIN if one.origin is None else one.origin}
    about["confidence"] = 1.0 if one.confidence is None else confidence_of(one.confidence)
    head, relation = name_of(one.subject), name_of(one.predicate)
    if isinstance(one.object, Literal):
        builder.literal(head, relation, value_of_literal(one.object), **about)
    else:
        builder.edge(head, relation, name_of(one.object), **about)


def _statements(table: TripleTable) -> Iterator[Any]:
    taken = any(name.startswith("_:chiasmstatement") for name in table.nodes)
    if taken:
        raise GraphFileError(
            "names of nodes begin with '_:chiasmstatement'", where="write", remedy="give them other names"
        )
    for number, one in enumerate(table):
        end = node_of(one.tail) if one.tail is not None else literal_of(one.value)
        statement = Triple(node_of(one.head), predicate_of(one.relation), end)
        yield statement
        if one.confidence != 1.0 or one.origin != DEFAULT_ORIGIN:
            origin = None if one.origin == DEFAULT_ORIGIN else one.origin
            yield from reified(statement, number, one.confidence, origin)


def _check_xml(table: TripleTable) -> None:
    remedy = "write Turtle or N-Triples"
    for name in table.relations:
        iri = predicate_of(name).value
        local = _TAG.search(iri)
        if local is None:
            raise GraphFileError("RDF/XML needs a relation that ends like a tag", where=name, remedy=remedy)
    for text in (*table.origins, *(_text(value) for value in map(value_of, table.values))):
        if _ILLEGAL.search(text):
            raise GraphFileError(
                "XML cannot hold a character of the text", where=repr(text)[:80], remedy=remedy
            )


def _text(value: Any) -> str:
    return str(literal_of(value).value)
