"""Records written out as a file of lines, one after the other: any number of them in constant memory."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from datetime import date, time
from decimal import Decimal
from pathlib import Path
from typing import Any

from chiasm.errors import InputError

__all__ = ["json_line", "write_spool"]


def json_line(record: Any, number: int) -> str:
    """A record as a line of JSON; numbers of numpy and dates are written as what JSON has for them.

    Args:
        record: The record.
        number: Which it is, for the message.

    Raises:
        InputError: It holds something that is no JSON.
    """
    try:
        return json.dumps(record, default=_plain) + "\n"
    except (TypeError, ValueError, RecursionError) as error:
        raise InputError(
            f"not JSON: {error}"[:300],
            where=f"record {number}",
            remedy="use text, numbers, lists, objects",
        ) from error


def write_spool(path: Path, records: Iterable[Any]) -> int:
    """How many records were written; whatever goes wrong, no half-written file stays."""
    path.parent.mkdir(parents=True, exist_ok=True)
    count = 0
    try:
        with path.open("w", encoding="utf-8") as file:
            for count, record in enumerate(records, start=1):
                file.write(json_line(record, count))
            file.flush()
            os.fsync(file.fileno())
    except BaseException:
        # Also an error of the caller's own iterator.
        path.unlink(missing_ok=True)
        raise
    return count


def _plain(value: Any) -> Any:
    if isinstance(value, date | time):
        return value.isoformat()
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    # Scalars and arrays of numpy.
    if hasattr(value, "tolist"):
        return value.tolist()
    raise TypeError(f"{type(value).__name__} is no JSON")
