"""N-Triples: lines of the usual kind by columns, all others by pyoxigraph."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from pyoxigraph import NamedNode, RdfFormat, parse

from chiasm_graph.formats.iris import PREFIX, name_of_iri
from chiasm_graph.formats.rdf import add_statements, unreadable, write
from chiasm_graph.formats.rdf_terms import value_of_literal
from chiasm_graph.formats.reification import STATEMENT, TYPE, annotated, part_of
from chiasm_graph.store import Columns, TableBuilder, TripleTable
from chiasm_graph.store.values import text_of

__all__ = ["read", "write"]

_BLOCK = 64 * 2**20
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
            usual = self._usual(parts)
            if usual.any():
                # A field by itself does not know which lines are none.
                picked = parts.filter(pa.array(usual))
                try:
                    self._add(*(picked.field(number) for number in range(3)))
                except ValueError as error:
                    # The parser says which line it is.
                    for _ in self._parsed(block, np.arange(len(lines))):
                        pass
                    raise unreadable(self._path, error, None) from error
            yield from self._parsed(block, np.flatnonzero(~usual))

    def _usual(self, parts: Any) -> npt.NDArray[np.bool_]:
        """Which lines are statements of the usual kind, and no part of a reification, ``(lines,)``."""
        import pyarrow.compute as pc

        usual: npt.NDArray[np.bool_] = np.array(parts.is_valid())
        predicates = parts.field(1).dictionary_encode()
        names = [name[1:-1] for name in predicates.dictionary.to_pylist()]
        special = np.array([part_of(name) is not None for name in names], dtype=np.bool_)
        kinds = _codes(predicates)
        if special.any():
            usual[usual] = ~special[kinds[usual]]
        if TYPE in names:
            statement = np.asarray(pc.equal(parts.field(2), _STATEMENT).fill_null(False))
            usual &= ~(statement & (kinds == names.index(TYPE)))
        return usual

    def _add(self, subjects: Any, predicates: Any, objects: Any) -> None:
        import pyarrow as pa

        # Ends together, so that a node that is both is looked up once.
        ends = pa.concat_arrays([subjects, objects]).dictionary_encode()
        numbers = self._numbers(ends.dictionary, self._builder.nodes)[_codes(ends)]
        kinds = predicates.dictionary_encode()
        relations = self._numbers(kinds.dictionary, self._builder.relations)[_codes(kinds)]
        heads, tails = numbers[: len(subjects)], numbers[len(subjects) :]
        # Values are numbered from -1 downwards.
        valued = tails < 0
        self._builder.blocks(
            Columns.of(heads[~valued], relations[~valued], tails[~valued]),
            Columns.of(heads[valued], relations[valued], -1 - tails[valued]),
        )

    def _numbers(self, terms: Any, table: dict[str, int]) -> Ints:
        """Number of each term, ``(terms,)``."""
        import pyarrow.compute as pc

        iris = pc.starts_with(terms, "<")
        numbers = np.empty(len(terms), dtype=np.int64)
        numbers[np.asarray(iris)] = _of_iris(pc.utf8_slice_codeunits(terms.filter(iris), 1, -1), table)
        others = terms.filter(pc.invert(iris)).to_pylist()
        values = self._builder.values
        numbers[~np.asarray(iris)] = [
            table[term] if term[0] == "_" else -1 - values[text_of(_value(term))] for term in others
        ]
        return numbers

    def _parsed(self, block: _Block, rows: Ints) -> Iterator[Any]:
        lines = [block.data[block.offsets[row] : block.offsets[row + 1]] for row in rows.tolist()]
        try:
            # A last line without an end would run into the next one.
            yield from parse(
                input=b"\n".join(line.rstrip(b"\r\n") for line in lines), format=RdfFormat.N_TRIPLES
            )
        except SyntaxError as error:
            row = rows[min((error.lineno or 1), len(rows)) - 1]
            raise unreadable(self._path, error, block.before + int(row) + 1) from error


def _of_iris(iris: Any, table: dict[str, int]) -> Ints:
    import pyarrow.compute as pc

    names = iris.to_pylist()
    if pc.any(pc.starts_with(iris, PREFIX)).as_py():
        names = list(map(name_of_iri, names))
    numbers = np.fromiter((table.get(name, -1) for name in names), dtype=np.int64, count=len(names))
    for place in np.flatnonzero(numbers < 0).tolist():
        # Once for each name: what is no IRI is an error.
        NamedNode(iris[place].as_py())
        numbers[place] = table[names[place]]
    return numbers


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
