"""Parquet: manifests with the columns of a record, and triples."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from chiasm.errors import ManifestError
from chiasm.ingest.readers.arrow import plain_row
from chiasm.ingest.readers.registry import Form
from chiasm.ingest.readers.table import edge_of, layout_of
from chiasm.ingest.rows import Row

__all__ = ["count_parquet", "detect_parquet", "read_parquet_manifest", "read_parquet_triples"]

_HERE = "chiasm.ingest.readers.parquet"
_BATCH_ROWS = 1024


def detect_parquet(path: Path) -> Form:
    """Manifest or triples, by the column names.

    Raises:
        ManifestError: It is neither, or damaged.
    """
    names = _open(path).schema_arrow.names
    try:
        triples = layout_of(names, named=True).triples
    except ManifestError as error:
        raise ManifestError(error.what, where=path.name, remedy=error.remedy) from error
    function = "read_parquet_triples" if triples else "read_parquet_manifest"
    return Form("triples" if triples else "parquet", f"{_HERE}:{function}")


def read_parquet_manifest(path: Path, *, line: int = 0, offset: int = 0) -> Iterator[Row]:
    """Raw records, one a row; nulls are absent fields."""
    for number, row in _rows(path, line):
        try:
            yield Row(number, row if isinstance(row, ManifestError) else plain_row(row))
        except ManifestError as error:
            yield Row(number, error)


def read_parquet_triples(path: Path, *, line: int = 0, offset: int = 0) -> Iterator[Row]:
    """Edges, one a row."""
    for number, row in _rows(path, line):
        try:
            yield Row(number, row if isinstance(row, ManifestError) else edge_of(row))
        except ManifestError as error:
            yield Row(number, error)


def count_parquet(path: Path) -> int:
    """How many rows there are."""
    return int(_open(path).metadata.num_rows)


def _rows(path: Path, line: int) -> Iterator[tuple[int, dict[str, Any] | ManifestError]]:
    import pyarrow

    number = 0
    try:
        for batch in _open(path).iter_batches(batch_size=_BATCH_ROWS):
            if number + batch.num_rows <= line:
                number += batch.num_rows
                continue
            for row in batch.to_pylist():
                number += 1
                if number > line:
                    yield number, row
    except (pyarrow.ArrowException, OSError, UnicodeDecodeError) as error:
        what = f"the file is damaged: {error}"[:300]
        yield number + 1, ManifestError(what, remedy="write it again; the rows before were read")


def _open(path: Path) -> Any:
    import pyarrow
    from pyarrow import parquet

    try:
        return parquet.ParquetFile(path)
    except (pyarrow.ArrowException, OSError) as error:
        raise ManifestError(
            f"not a Parquet file: {error}"[:300], where=path.name, remedy="write it again"
        ) from error
