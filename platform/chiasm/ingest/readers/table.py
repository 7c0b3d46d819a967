"""CSV and TSV: manifests with the columns of a record, and triples."""

from __future__ import annotations

import csv
import zlib
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

from chiasm.errors import ManifestError
from chiasm.ingest.readers.lines import open_bytes, read_lines, short_lines
from chiasm.ingest.readers.registry import Form
from chiasm.ingest.records import checked_confidence, checked_origin
from chiasm.ingest.rows import Edge, Row
from chiasm.ingest.values import checked_json, checked_name, parse_json

__all__ = [
    "FORMS",
    "Layout",
    "detect_table",
    "edge_of",
    "layout_of",
    "read_table_manifest",
    "read_table_triples",
]

_HERE = "chiasm.ingest.readers.table"
FORMS = (
    "a manifest has a column 'key' (key,domain,title,text,image,audio,attributes,relations); "
    "triples are 'head,relation,tail[,confidence]', with or without that header, "
    "which may also name 'value' (JSON, where there is no tail) and 'origin'"
)
_TRIPLE = ("head", "relation", "tail")
_ABOUT = ("value", "confidence", "origin")
#: Columns whose cells may hold JSON.
_JSON_COLUMNS = frozenset({"text", "image", "audio", "attributes", "relations"})
_MAX_FIELD = 16 * 2**20


class Layout:
    """What the first row says: the column names, and whether they are those of triples."""

    def __init__(self, columns: Sequence[str], *, triples: bool, header: bool) -> None:
        self.columns = tuple(columns)
        self.triples = triples
        self.header = header


def layout_of(cells: Sequence[str], *, named: bool = False) -> Layout:
    """The layout by the first row's cells.

    Args:
        cells: Its cells.
        named: They are known to be column names (Parquet).

    Raises:
        ManifestError: Neither a manifest nor triples.
    """
    names = [cell.strip().lower() for cell in cells]
    if "key" in names:
        return Layout(names, triples=False, header=True)
    if set(_TRIPLE) <= set(names) <= {*_TRIPLE, *_ABOUT}:
        return Layout(names, triples=True, header=True)
    plain = len(names) == 3 or (len(names) == 4 and _is_number(names[3]))
    if plain and not named:
        return Layout([*_TRIPLE, "confidence"][: len(names)], triples=True, header=False)
    raise ManifestError(
        f"neither a manifest nor triples: the first row is {', '.join(names)[:200]!r}", remedy=FORMS
    )


def detect_table(path: Path) -> Form:
    """Manifest or triples, by the first row.

    Raises:
        ManifestError: It is neither, or empty.
    """
    layout = _open(path)[0]
    function = "read_table_triples" if layout.triples else "read_table_manifest"
    return Form("triples" if layout.triples else "table", f"{_HERE}:{function}")


def read_table_manifest(path: Path, *, line: int = 0, offset: int = 0) -> Iterator[Row]:
    """Raw records of a CSV or TSV manifest; an empty cell is an absent field."""
    layout, delimiter = _open(path)
    # Quoted cells may hold line breaks: the file is read from its start, rows up to `line` are passed over.
    for number, cells in islice(_cells(path, delimiter), 1, None):
        if number <= line:
            continue
        if isinstance(cells, ManifestError):
            yield Row(number, cells)
            continue
        try:
            yield Row(number, _record(layout.columns, cells))
        except ManifestError as error:
            yield Row(number, error)


def read_table_triples(path: Path, *, line: int = 0, offset: int = 0) -> Iterator[Row]:
    """Edges of a CSV or TSV file `head, relation, tail[, value][, confidence][, origin]`."""
    layout, delimiter = _open(path)
    for number, cells in islice(_cells(path, delimiter), int(layout.header), None):
        if number <= line:
            continue
        if isinstance(cells, ManifestError):
            yield Row(number, cells)
            continue
        try:
            yield Row(number, edge_of(dict(zip(layout.columns, cells, strict=True))))
        except ValueError:
            count = len(layout.columns)
            yield Row(number, ManifestError(f"the row has {len(cells)} cells, not {count}", remedy=FORMS))
        except ManifestError as error:
            yield Row(number, error)


def edge_of(row: dict[str, Any]) -> Edge:
    """The edge of a row of triples.

    Raises:
        ManifestError: A cell is blank, the confidence no number, the value no JSON or the origin unknown.
    """
    confidence, value, tail = row.get("confidence"), row.get("value"), row["tail"]
    if isinstance(confidence, str):
        confidence = _number(confidence)
    literal = None
    if value not in (None, ""):
        if tail not in (None, ""):
            raise ManifestError("the row has a tail and a value", remedy="leave one of them empty")
        literal = checked_json(parse_json(value) if isinstance(value, str) else value, "value")
    return Edge(
        checked_name(row["head"], "head"),
        checked_name(row["relation"], "relation"),
        checked_name(tail, "tail") if value in (None, "") else None,
        literal,
        1.0 if confidence is None else checked_confidence(confidence),
        checked_origin(row["origin"]) if row.get("origin") else None,
    )


def _open(path: Path) -> tuple[Layout, str]:
    """Layout and delimiter."""
    first = next(read_lines(path), None)
    if first is None:
        raise ManifestError("the table is empty", where=path.name, remedy=FORMS)
    if isinstance(first.text, ManifestError):
        raise ManifestError(first.text.what, where=f"{path.name}:1", remedy=first.text.remedy)
    delimiter = "\t" if "\t" in first.text else ","
    try:
        return layout_of(next(csv.reader([first.text], delimiter=delimiter))), delimiter
    except (ManifestError, csv.Error) as error:
        what = error.what if isinstance(error, ManifestError) else str(error)
        raise ManifestError(what, where=f"{path.name}:{first.number}", remedy=FORMS) from error


def _cells(path: Path, delimiter: str) -> Iterator[tuple[int, list[str] | ManifestError]]:
    """Rows that are not blank, with the line they end on."""
    csv.field_size_limit(_MAX_FIELD)
    spoilt: list[ManifestError] = []

    def texts() -> Iterator[str]:
        with open_bytes(path) as file:
            for number, raw in enumerate(short_lines(file), start=1):
                try:
                    yield (raw.removeprefix(b"\xef\xbb\xbf") if number == 1 else raw).decode()
                except UnicodeDecodeError:
                    spoilt.append(ManifestError("the row is not UTF-8", remedy="save the file as UTF-8"))
                    yield raw.decode(errors="replace")

    # Triples from other tools carry stray quotation marks: in tab-separated files they are characters.
    tabs = delimiter == "\t"
    reader = (
        csv.reader(texts(), delimiter=delimiter, quoting=csv.QUOTE_NONE)
        if tabs
        else csv.reader(texts(), delimiter=delimiter)
    )
    while True:
        try:
            cells = next(reader)
        except StopIteration:
            return
        except (csv.Error, OSError, EOFError, zlib.error) as error:
            yield (
                reader.line_num,
                ManifestError(f"the row cannot be read: {error}", remedy="check its quotes"),
            )
            if not isinstance(error, csv.Error):
                return
            continue
        if spoilt:
            yield reader.line_num, spoilt.pop()
            spoilt.clear()
        elif any(cell.strip() for cell in cells):
            yield reader.line_num, cells


def _record(columns: Sequence[str], cells: Sequence[str]) -> dict[str, Any]:
    if len(cells) != len(columns):
        raise ManifestError(f"the row has {len(cells)} cells, not {len(columns)}", remedy="check its quotes")
    record: dict[str, Any] = {}
    for name, cell in zip(columns, cells, strict=True):
        if cell.strip():
            record[name] = parse_json(cell) if name in _JSON_COLUMNS and cell.lstrip()[:1] in "[{" else cell
    return record


def _number(text: str) -> float | None:
    if not text.strip():
        return None
    try:
        return float(text)
    except ValueError as error:
        raise ManifestError(f"confidence {text[:40]!r} is not a number", remedy="write 0.9") from error


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
