"""Data frames as records: anything that speaks Arrow, row by row, never as a whole."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from chiasm.errors import ManifestError

__all__ = ["frame_rows"]

_BATCH_ROWS = 1024
#: What pandas calls its row numbers in Arrow.
_INDEX = "__index_level_"


def frame_rows(source: Any) -> Iterator[dict[str, Any]] | None:
    """The rows of a data frame as records, or None if the source is no data frame.

    Arrow tables, batches, readers and data sets, and what turns into them (pandas, polars, DuckDB). A column is a
    field of the record; empty cells are absent fields.
    """
    if isinstance(source, type):
        return None
    if hasattr(source, "__arrow_c_stream__"):
        return _records(_streamed(source))
    if hasattr(source, "to_batches"):
        return _records(source.to_batches())
    if hasattr(source, "to_arrow"):
        return _records(_streamed(source.to_arrow()))
    if hasattr(source, "iloc") and hasattr(source, "to_dict"):
        return _sliced(source)
    return None


def _streamed(source: Any) -> Iterator[Any]:
    import pyarrow

    yield from pyarrow.RecordBatchReader.from_stream(source)


def _records(batches: Iterable[Any]) -> Iterator[dict[str, Any]]:
    number = 0
    for batch in batches:
        for start in range(0, batch.num_rows, _BATCH_ROWS):
            for row in batch.slice(start, _BATCH_ROWS).to_pylist():
                number += 1
                yield _record(row, number)


def _sliced(frame: Any) -> Iterator[dict[str, Any]]:
    """Frames of pandas that do not speak Arrow yet."""
    for start in range(0, len(frame), _BATCH_ROWS):
        for number, row in enumerate(frame.iloc[start : start + _BATCH_ROWS].to_dict("records"), start + 1):
            # Only what is not a number differs from itself.
            yield _record({name: None if value != value else value for name, value in row.items()}, number)


def _record(row: dict[str, Any], number: int) -> dict[str, Any]:
    from chiasm.ingest.readers.arrow import plain_row

    try:
        return plain_row({name: value for name, value in row.items() if not name.startswith(_INDEX)})
    except ManifestError as error:
        raise ManifestError(error.what, where=f"row {number}", remedy=error.remedy) from error
