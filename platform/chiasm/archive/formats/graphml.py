"""GraphML: entities as nodes with title, domain, text and attributes; statements as edges.

Written as a stream in two passes, as the attributes must be declared before the graph.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from pathlib import Path
from typing import IO, Any
from xml.sax.saxutils import escape, quoteattr

from chiasm.archive.entities import GivenEntity, Statement
from chiasm.archive.watch import Step, Watch
from chiasm.origins import GIVEN
from chiasm_graph.exchange import LITERALS

__all__ = ["write_graphml"]

_HEAD = '<?xml version="1.0" encoding="utf-8"?>\n<graphml xmlns="http://graphml.graphdrawing.org/xmlns">\n'
_EDGE = (("predicate", "string"), ("confidence", "double"), ("origin", "string"))
#: Names that mean something else on a node.
_TAKEN = frozenset({"key", "domain", "title", "text", "image", "audio", "attributes", LITERALS})
_INT64 = 2**63

Value = str | int | float | bool


def write_graphml(
    entities: Callable[[], Iterator[GivenEntity]],
    file: Path,
    watch: Watch,
    *,
    exact: bool = False,
    origins: Collection[str] = GIVEN,
) -> Counter[str]:
    """Write a GraphML file; how many of what.

    A node carries its title, domain, first text, attributes and literals; several values of one name are JSON.

    Args:
        entities: Asked twice.
        file: Where to.
        watch: Told how far it is.
        exact: Whether literals are written with confidence and origin, as JSON in the attribute ``literals``, so that
            they are ingested as statements again; else they are attributes, which other tools show.
        origins: Of the statements that are written.
    """
    counts: Counter[str] = Counter()
    declared: dict[tuple[str, str], str] = {}
    for number, entity in enumerate(_told(entities(), origins, Counter()), start=1):
        for name, value in _node_data(entity, Counter(), exact).items():
            declared.setdefault((name, _kind(value)), f"n{len(declared)}")
        watch(Step("attributes", number))
    with file.open("w", encoding="utf-8", newline="\n") as out:
        out.write(_HEAD)
        for (name, kind), code in declared.items():
            out.write(_declaration(code, "node", name, kind))
        for at, (name, kind) in enumerate(_EDGE):
            out.write(_declaration(f"e{at}", "edge", name, kind))
        out.write('<graph edgedefault="directed">\n')
        for number, entity in enumerate(_told(entities(), origins, counts), start=1):
            counts["stubs" if entity.stub else "entities"] += 1
            _write_entity(out, entity, declared, counts, exact)
            watch(Step("entities", number, number))
        out.write("</graph>\n</graphml>\n")
    return counts


def _told(
    entities: Iterator[GivenEntity], origins: Collection[str], counts: Counter[str]
) -> Iterator[GivenEntity]:
    """Entities with the statements of some origins alone."""
    for entity in entities:
        told = tuple(one for one in entity.statements if one.origin in origins)
        counts["left_out"] += len(entity.statements) - len(told)
        yield entity._replace(statements=told)


def _declaration(code: str, what: str, name: str, kind: str) -> str:
    return f'<key id="{code}" for="{what}" attr.name={_attribute(name)} attr.type="{kind}"/>\n'


def _write_entity(
    out: IO[str],
    entity: GivenEntity,
    declared: dict[tuple[str, str], str],
    counts: Counter[str],
    exact: bool,
) -> None:
    out.write(f"<node id={_attribute(entity.key)}>")
    for name, value in _node_data(entity, counts, exact).items():
        code = declared.get((name, _kind(value)))
        # Somebody may have added an attribute since they were declared.
        if code is not None:
            out.write(f'<data key="{code}">{_content(value)}</data>')
    out.write("</node>\n")
    # Ends may be named before their nodes stand.
    for statement in entity.statements:
        if statement.object is not None:
            counts["relations"] += 1
            values: tuple[Value, ...] = (statement.predicate, statement.confidence, statement.origin)
            data = "".join(f'<data key="e{at}">{_content(value)}</data>' for at, value in enumerate(values))
            ends = f"source={_attribute(entity.key)} target={_attribute(statement.object)}"
            out.write(f"<edge {ends}>{data}</edge>\n")


def _node_data(entity: GivenEntity, counts: Counter[str], exact: bool) -> dict[str, Value]:
    said = [statement for statement in entity.statements if statement.object is None]
    data: dict[str, Value] = {LITERALS: _as_statements(said)} if exact and said else {}
    counts["literals"] += len(said) if exact else 0
    if entity.stub:
        # A node with data of its own would come back as an entity.
        counts["left_out"] += 0 if exact else len(said)
        return data
    if entity.title:
        data["title"] = entity.title
    if entity.domain:
        data["domain"] = entity.domain
    others = [text.value for text in entity.texts if text.value != entity.title]
    if others:
        data["text"] = others[0]
        counts["texts"] += 1
    counts["left_out"] += max(len(others) - 1, 0) + len(entity.media)
    literals: dict[str, list[Any]] = {}
    for statement in () if exact else said:
        literals.setdefault(statement.predicate, []).append(statement.value)
    for name, values in literals.items():
        data[_free(name)] = _plain(values[0] if len(values) == 1 else values)
    for name, value in entity.attributes.items():
        if value is not None:
            data[_free(name)] = _plain(value)
    return data


def _as_statements(said: Sequence[Statement]) -> str:
    """JSON without any character that XML has not."""
    return json.dumps(
        [
            {
                "predicate": one.predicate,
                "value": one.value,
                "confidence": one.confidence,
                "origin": one.origin,
            }
            for one in said
        ]
    )


def _free(name: str) -> str:
    return f"attribute:{name}" if name in _TAKEN else name


def _plain(value: Any) -> Value:
    if isinstance(value, (str, bool, float)) or (isinstance(value, int) and -_INT64 <= value < _INT64):
        return value
    return json.dumps(value, ensure_ascii=False)


def _kind(value: Value) -> str:
    return {bool: "boolean", int: "long", float: "double"}.get(type(value), "string")


def _content(value: Value) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return escape(_legal(str(value)), {"\r": "&#13;"})


def _attribute(text: str) -> str:
    return quoteattr(_legal(text), {"\r": "&#13;"})


def _legal(text: str) -> str:
    """XML has no control characters but three."""
    if text.isprintable():
        return text
    return "".join(c if (c >= " " and c not in "\ufffe\uffff") or c in "\t\n\r" else "\ufffd" for c in text)
