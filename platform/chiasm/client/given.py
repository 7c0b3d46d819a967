"""What was handed to `ingest`: paths, or records of any number."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import Any

from chiasm.client.frames import frame_rows
from chiasm.errors import UsageError

__all__ = ["Records", "sorted_out"]

Records = Iterator[Mapping[str, Any]]
_REMEDY = "call it once with paths, once with records"


def sorted_out(
    source: Any, more: Sequence[Any], if_revision: int | None = None
) -> tuple[list[Path], Records | None]:
    """The paths, or else the records, which are not looked at before their turn comes.

    Args:
        source: A path, a record, a data frame, or an iterable of paths or of records.
        more: Further paths.
        if_revision: For a single record: only if its entity has this revision.

    Raises:
        UsageError: They are mixed, or a revision is given with anything but one record.
    """
    if isinstance(source, Mapping) and not more:
        guarded = source if if_revision is None else {**source, "if_revision": if_revision}
        return [], iter([guarded])
    if if_revision is not None:
        raise UsageError(
            "if_revision goes with one record", remedy="write it into each record, as the field if_revision"
        )
    rows = None if isinstance(source, (str, Path, Mapping)) else frame_rows(source)
    given = iter([source] if isinstance(source, (str, Path, Mapping)) else rows or source)
    first = next(given, None)
    if isinstance(first, Mapping) and not more:
        return [], _only_records(chain([first], given))
    listed = [*(() if first is None else (first,)), *given, *more]
    if not all(isinstance(item, (str, Path)) for item in listed):
        raise UsageError("ingest takes either paths or records", remedy=_REMEDY)
    return [Path(item) for item in listed], None


def _only_records(items: Iterable[Any]) -> Records:
    for number, item in enumerate(items, start=1):
        if not isinstance(item, Mapping):
            raise UsageError(
                f"item {number} is no record but {type(item).__name__}", where="ingest", remedy=_REMEDY
            )
        yield item
