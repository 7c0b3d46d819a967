"""Confidence and origin of RDF statements: reified, as in RDF 1.0, or by reifiers, as in RDF 1.2 (RDF-star).

```
_:r rdf:subject <s> ; rdf:predicate <p> ; rdf:object <o> ; <urn:chiasm:confidence> 0.9 .
<< <s> <p> <o> >> <urn:chiasm:confidence> 0.9 .
```

Any predicate whose IRI ends in ``/confidence`` or ``#confidence`` says one.

References:
    W3C, "RDF 1.1 Semantics", appendix D.1 (reification); "RDF 1.2 Concepts", section 3.5 (triple terms).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Any, NamedTuple

from pyoxigraph import BlankNode, Literal, NamedNode, Triple

from chiasm_graph.formats.iris import wrapped_name

__all__ = ["STATEMENT", "TYPE", "Stated", "annotated", "confidence_of", "part_of", "reified"]

_RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
TYPE, STATEMENT = _RDF + "type", _RDF + "Statement"
_CONFIDENCE, _ORIGIN = wrapped_name("confidence"), wrapped_name("origin")
_PARTS = {
    _RDF + "subject": "subject",
    _RDF + "predicate": "predicate",
    _RDF + "object": "object",
    _RDF + "reifies": "reifies",
    _CONFIDENCE: "confidence",
    _ORIGIN: "origin",
}
_ENDS = ("subject", "predicate", "object")
_SAYS = ("confidence", "origin")


class Stated(NamedTuple):
    """A statement, with what was said of it in the text's own spelling."""

    subject: Any
    predicate: Any
    object: Any
    confidence: str | None = None
    origin: str | None = None


@lru_cache(4096)
def part_of(predicate: str) -> str | None:
    """What a predicate says of a statement, if it may be one: subject, confidence, and so on."""
    ends = predicate.endswith(("/confidence", "#confidence"))
    return _PARTS.get(predicate, "confidence" if ends else None)


def confidence_of(text: str) -> float:
    """A confidence from 0 to 1.

    Raises:
        ValueError: It is none.
    """
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0.0 <= value <= 1.0:
        raise ValueError(f"confidence {text[:40]!r} is not a number from 0 to 1")
    return value


def annotated(quads: Iterable[Any]) -> Iterator[Stated]:
    """Statements in order; one that was said something of comes when that has been said, beside its own.

    What belongs to a reification is held back until its node's statements end, and for good: another one may
    stand further down. That is some hundred bytes a reified statement. Reifications that say
    neither confidence nor origin, and are therefore none of ours, come at the end as the statements that they are.
    """
    held: dict[Any, _Held] = {}
    open_: _Held | None = None
    for quad in quads:
        kind = part_of(quad.predicate.value)
        if kind is None and quad.predicate.value == TYPE and quad.object == _STATEMENT_NODE:
            kind = "type"
        if kind is None:
            yield Stated(quad.subject, quad.predicate, quad.object)
            continue
        mine = held.get(quad.subject)
        if mine is None:
            mine = held[quad.subject] = _Held()
        if open_ is not None and open_ is not mine:
            yield from open_.tell()
        open_ = mine
        mine.add(kind, quad.object, quad)
    for mine in held.values():
        yield from mine.tell() if mine.complete else mine.plain()


def reified(statement: Any, number: int, confidence: float, origin: str | None) -> Iterator[Any]:
    """Statements that say a confidence and, if given, an origin of one; RDF 1.0, which every tool reads."""
    node = BlankNode(f"chiasmstatement{number}")
    yield Triple(node, NamedNode(TYPE), _STATEMENT_NODE)
    for name in _ENDS:
        yield Triple(node, NamedNode(_RDF + name), getattr(statement, name))
    if confidence != 1.0:
        double = NamedNode("http://www.w3.org/2001/XMLSchema#double")
        yield Triple(node, NamedNode(_CONFIDENCE), Literal(repr(confidence), datatype=double))
    if origin is not None:
        yield Triple(node, NamedNode(_ORIGIN), Literal(origin))


_STATEMENT_NODE = NamedNode(STATEMENT)


class _Held:
    """What was said of one node that may be a reification."""

    __slots__ = ("new", "parts")

    def __init__(self) -> None:
        self.parts: list[tuple[str, Any, Any]] = []
        self.new = False

    def add(self, kind: str, value: Any, quad: Any) -> None:
        self.parts.append((kind, value, quad))
        self.new = True

    @property
    def complete(self) -> bool:
        kinds = [kind for kind, _, _ in self.parts]
        whole = "reifies" in kinds or all(kinds.count(name) == 1 for name in _ENDS)
        sure = all(isinstance(value, Literal) for kind, value, _ in self.parts if kind in _SAYS)
        return whole and sure and any(kinds.count(name) == 1 for name in _SAYS)

    def tell(self) -> Iterator[Stated]:
        """The statements that it is about; nothing if they were told before, or it is not complete yet."""
        if not self.new or not self.complete:
            return
        self.new = False
        said = {kind: value for kind, value, _ in self.parts}
        about = {name: said[name].value if name in said else None for name in _SAYS}
        triples = [value for kind, value, _ in self.parts if kind == "reifies"]
        if all(name in said for name in _ENDS):
            triples.append(Stated(*(said[name] for name in _ENDS)))
        for one in triples:
            yield Stated(one.subject, one.predicate, one.object, **about)

    def plain(self) -> Iterator[Stated]:
        for _, _, quad in self.parts:
            yield Stated(quad.subject, quad.predicate, quad.object)
