"""N-Triples: lines of the usual kind by columns, all others by pyoxigraph."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from pyoxigraph import NamedNode, RdfFormat, parse

from chiasm_graph.formats.iris import name_of_iri
from chiasm_graph.formats.rdf import add_statements, unreadable, write
from chiasm_graph.formats.rdf_terms import value_of_literal
from chiasm_graph.formats.reification import STATEMENT, TYPE, annotated, part_of
from chiasm_graph.store import Columns, TableBuilder, TripleTable
from chiasm_graph.store.values import text_of

__all__ = ["read", "write"]

_BLOCK = 16 * 2**20
_MAX_LINE = 16 * 2**20
_IRI = r'<[^\x00-\x20<>"{}|^`\\]*>'
_LABEL = "_:[A-Za-z0-9]+"
#: Without escapes: what is rare may be slow.
_TEXT = rf'"[^"\\\n\r]*"(?:@[A-Za-z]+(?:-[A-Za-z0-9]+)*|\^\^{_IRI})?'
_LINE = rf"^(?P<s>{_IRI}|{_LABEL}) (?P<p>{_IRI}) (?P<o>{_IRI}|{_LABEL}|{_TEXT}) ?\.\r?\n?$"
_STATEMENT = f"<{STATEMENT}>"

Ints = npt.NDArray[np.int64]


class _Block(NamedTuple):
    """Whole lines of a file."""

    data: bytes
    #: (lines + 1,) int32
    offsets: npt.NDArray[np.int32]
    #: Lines before it.
    before: int


def read(path: Path) -> TripleTable:
    """The statements of an N-Triples file, each once.

    Raises:
        GraphFileError: The file cannot be read; the line is said.
    """
    builder = TableBuilder()
    reader = _Reader(path, builder)
    try:
        add_statements(builder, annotated(reader.others()))
    except (ValueError, OSError, MemoryError) as error:
        raise unreadable(path, error, None) from error
    return builder.finish().distinct()


class _Reader:
    def __init__(self, path: Path, builder: TableBuilder) -> None:
        self._path, self._builder = path, builder

    def others(self) -> Iterator[Any]:
        """Statements of the lines that are not of the usual kind; the usual ones go into the builder meanwhile."""
        import pyarrow as pa
        import pyarrow.compute as pc

        for block in _blocks(self._path):
            buffers = [None, pa.py_buffer(block.offsets), pa.py_buffer(block.data)]
            lines = pa.Array.from_buffers(pa.string(), len(block.offsets) - 1, buffers)
            try:
                lines.validate(full=True)
            except pa.ArrowInvalid as error:
                raise unreadable(self._path, ValueError("not UTF-8"), _bad_line(block)) from error
            parts = pc.extract_regex(lines, _LINE)
            columns = [parts.field(number).dictionary_encode() for number in range(3)]
            usual = np.asarray(parts.is_valid())
            usual &= self._ordinary(columns, usual)
            if usual.any():
                self._add(columns, usual)
            yield from self._parsed(block, np.flatnonzero(~usual))

    def _ordinary(self, columns: list[Any], usual: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
        """Which statements are no part of a reification."""
        _, predicates, objects = columns
        names = predicates.dictionary.to_pylist()
        special = np.array([part_of(name[1:-1]) is not None for name in names], dtype=np.bool_)
        types = np.array([name[1:-1] == TYPE for name in names], dtype=np.bool_)
        kinds = _codes(predicates)
        ordinary = usual.copy()
        ordinary[usual] &= ~special[kinds[usual]]
        if types.any() and _STATEMENT in (ends := objects.dictionary.to_pylist()):
            typed = usual & types[kinds]
            ordinary &= ~(typed & (_codes(objects) == ends.index(_STATEMENT)))
        return ordinary

    def _add(self, columns: list[Any], usual: npt.NDArray[np.bool_]) -> None:
        used = [_codes(column)[usual] for column in columns]
        subjects, predicates, objects = (
            self._numbers(column.dictionary, codes, kind == 1)
            for kind, (column, codes) in enumerate(zip(columns, used, strict=True))
        )
        heads, relations, tails = subjects[used[0]], predicates[used[1]], objects[used[2]]
        # Values are numbered from -1 downwards.
        valued = tails < 0
        self._builder.blocks(
            Columns.of(heads[~valued], relations[~valued], tails[~valued]),
            Columns.of(heads[valued], relations[valued], -1 - tails[valued]),
        )

    def _numbers(self, terms: Any, codes: Ints, relation: bool) -> Ints:
        """Number of each term that is used, ``(terms,)``."""
        builder = self._builder
        table = builder.relations if relation else builder.nodes
        wanted = np.zeros(len(terms), dtype=np.bool_)
        wanted[codes] = True
        numbers = np.zeros(len(terms), dtype=np.int64)
        for place, (term, use) in enumerate(zip(terms.to_pylist(), wanted.tolist(), strict=True)):
            if not use:
                continue
            first = term[0]
            if first == "<":
                iri = term[1:-1]
                name = name_of_iri(iri)
                number = table.get(name)
                if number is None:
                    # Once for each name; what is no IRI is said by its line below.
                    NamedNode(iri)
                    number = table[name]
                numbers[place] = number
            elif first == "_":
                numbers[place] = table[term]
            else:
                numbers[place] = -1 - builder.values[text_of(_value(term))]
        return numbers

    def _parsed(self, block: _Block, rows: Ints) -> Iterator[Any]:
        lines = [block.data[block.offsets[row] : block.offsets[row + 1]] for row in rows.tolist()]
        try:
            # A last line without an end would run into the next one.
            yield from parse(input=b"\n".join(line.rstrip(b"\r\n") for line in lines), format=RdfFormat.N_TRIPLES)
        except SyntaxError as error:
            row = rows[min((error.lineno or 1), len(rows)) - 1]
            raise unreadable(self._path, error, block.before + int(row) + 1) from error


def _value(term: str) -> Any:
    if term[-1] == '"':
        return term[1:-1]
    (quad,) = parse(input=f"<a:a> <a:a> {term} .".encode(), format=RdfFormat.N_TRIPLES)
    return value_of_literal(quad.object)


def _codes(column: Any) -> Ints:
    """Place of each row's term; that of a line of another kind means nothing."""
    return np.asarray(column.indices.fill_null(0), dtype=np.int64)


def _blocks(path: Path) -> Iterator[_Block]:
    before, rest = 0, b""
    with path.open("rb") as file:
        while True:
            more = file.read(_BLOCK)
            data = rest + more
            cut = data.rfind(b"\n") + 1 if more else len(data)
            data, rest = data[:cut], data[cut:]
            if len(rest) > _MAX_LINE:
                raise unreadable(path, ValueError("a line is longer than 16 MiB"), before + 1)
            if data:
                ends = np.flatnonzero(np.frombuffer(data, dtype=np.uint8) == 10) + 1
                whole = ends if len(ends) and ends[-1] == len(data) else np.append(ends, len(data))
                yield _Block(data, np.concatenate([[0], whole]).astype(np.int32), before)
                before += len(whole)
            if not more:
                return


def _bad_line(block: _Block) -> int:
    try:
        block.data.decode()
    except UnicodeDecodeError as error:
        return block.before + int(np.searchsorted(block.offsets, error.start, side="right"))
    return block.before + 1
