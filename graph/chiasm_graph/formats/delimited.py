"""TSV and CSV with the columns head, relation, tail, value (JSON, where there is no tail), confidence, origin."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import IO

from chiasm_graph.errors import GraphError, GraphFileError
from chiasm_graph.formats.reification import confidence_of
from chiasm_graph.store import DEFAULT_ORIGIN, TableBuilder, TripleTable
from chiasm_graph.store.table import Said
from chiasm_graph.store.values import text_of

__all__ = ["COLUMNS", "read", "row_writer", "write"]

COLUMNS = ("head", "relation", "tail", "value", "confidence", "origin")
_NEEDED = COLUMNS[:3]
_MAX_CELL = 16 * 2**20


def read(path: Path) -> TripleTable:
    """The statements of a table; without a header its columns are head, relation, tail and, if four, confidence.

    Raises:
        GraphFileError: A row that is no statement; its line is said.
    """
    csv.field_size_limit(_MAX_CELL)
    builder = TableBuilder()
    line, columns = 0, None
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            for number, cells in _rows(file, path.suffix.lower() == ".tsv"):
                line = number
                if columns is None:
                    columns, header = _columns(cells)
                    if header:
                        continue
                _add(builder, dict(zip(columns, cells, strict=True)))
    except (ValueError, csv.Error, OSError) as error:
        what = error.what if isinstance(error, GraphError) else str(error)
        place = f"{path}, line {line}" if line else str(path)
        raise GraphFileError(what[:300], where=place, remedy=f"columns are {', '.join(COLUMNS)}") from error
    return builder.finish()


def write(table: TripleTable, path: Path, suffix: str) -> None:
    """Write all statements with all columns."""
    with path.open("w", encoding="utf-8", newline="") as file:
        put = row_writer(file, suffix)
        for one in table:
            put(one)


def row_writer(file: IO[str], suffix: str) -> Callable[[Said], None]:
    """Writes the header at once, then statements one by one.

    In TSV quotation marks are characters, as other tools write and read it; a name with a tab or a line break stands
    in quotes, which `read` refuses. CSV holds every name.
    """
    if suffix == ".csv":
        rows = csv.writer(file, lineterminator="\n", quoting=csv.QUOTE_ALL)
        put: Callable[[Sequence[str]], object] = rows.writerow
    else:

        def put(cells: Sequence[str]) -> object:
            return file.write("\t".join(map(_cell, cells)) + "\n")

    put(COLUMNS)

    def said(one: Said) -> None:
        end = ("", text_of(one.value)) if one.tail is None else (one.tail, "")
        put((one.head, one.relation, *end, repr(one.confidence), one.origin))

    return said


def _rows(file: IO[str], tabs: bool) -> Iterator[tuple[int, list[str]]]:
    reader = (
        csv.reader(file, delimiter="\t", quoting=csv.QUOTE_NONE) if tabs else csv.reader(file, strict=True)
    )
    for cells in reader:
        if any(cell.strip() for cell in cells):
            yield reader.line_num, cells


def _columns(cells: Sequence[str]) -> tuple[tuple[str, ...], bool]:
    names = tuple(cell.strip().lower() for cell in cells)
    if set(_NEEDED) <= set(names) <= set(COLUMNS):
        return names, True
    if len(names) in (3, 4):
        return (*_NEEDED, "confidence")[: len(names)], False
    raise ValueError(f"the first row has {len(names)} cells and is no header")


def _add(builder: TableBuilder, row: dict[str, str]) -> None:
    about = {
        "origin": row.get("origin") or DEFAULT_ORIGIN,
        "confidence": confidence_of(row["confidence"]) if row.get("confidence") else 1.0,
    }
    head, relation, tail, value = row["head"], row["relation"], row["tail"], row.get("value", "")
    if not head or not relation or bool(tail) == bool(value):
        raise ValueError("a row needs head, relation, and either tail or value")
    if tail:
        builder.edge(head, relation, tail, **about)  # type: ignore[arg-type]
    else:
        builder.literal(head, relation, json.loads(value), **about)  # type: ignore[arg-type]


def _cell(text: str) -> str:
    if "\t" in text or "\n" in text or "\r" in text:
        return '"' + text.replace('"', '""') + '"'
    return text
