"""Vectors and batches of queries out of files."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from chiasm.errors import InputError, UsageError

__all__ = ["read_batch", "read_vector"]

_MAX_VECTOR_BYTES = 2 * 2**20
_MAX_BATCH_BYTES = 64 * 2**20
_MEDIA = ("image", "audio", "not_image", "not_audio")


def read_vector(given: str) -> Any:
    """The vector of a `.npy` file, of a file with a list of numbers as JSON, or of such a list itself.

    Raises:
        InputError: The file cannot be read, is too large, or holds something else.
    """
    if given.lstrip().startswith("["):
        return _numbers(given, "--vector")
    content = _content(Path(given), _MAX_VECTOR_BYTES)
    if not content.startswith(b"\x93NUMPY"):
        return _numbers(content, given)
    import io

    import numpy as np

    try:
        # Never unpickled: a file of objects is refused.
        array = np.load(io.BytesIO(content), allow_pickle=False)
    except (ValueError, OSError, EOFError, MemoryError) as error:
        raise InputError(f"it cannot be read: {error}", where=given, remedy=_REMEDY) from error
    if array.ndim != 1 or array.dtype.kind not in "fiu":
        raise InputError(f"it holds {array.dtype} of shape {array.shape}", where=given, remedy=_REMEDY)
    return array.astype("float32").tolist()


def read_batch(path: Path) -> list[dict[str, Any]]:
    """The queries of a file of JSON Lines; media are named relative to it.

    Raises:
        InputError: The file cannot be read, or is too large.
        UsageError: A line is no JSON object.
    """
    lines = _content(path, _MAX_BATCH_BYTES).splitlines()
    return [_query(line, number, path) for number, line in enumerate(lines, start=1) if line.strip()]


def _query(line: bytes, number: int, path: Path) -> dict[str, Any]:
    try:
        query = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise UsageError(f"it is no JSON: {error}", where=f"{path}:{number}", remedy=_LINE) from error
    if not isinstance(query, dict):
        raise UsageError("it is no JSON object", where=f"{path}:{number}", remedy=_LINE)
    return {**query, **dict(_media(query, path.parent))}


def _media(query: Mapping[str, Any], folder: Path) -> Iterator[tuple[str, list[Path]]]:
    for name in _MEDIA:
        named = query.get(name)
        listed = named if isinstance(named, list) else [named]
        if named is not None:
            yield name, [folder / str(item) for item in listed]


def _numbers(content: bytes | str, where: str) -> list[float]:
    try:
        numbers = json.loads(content)
        if not isinstance(numbers, list):
            raise ValueError("no list")
        return [float(number) for number in numbers]
    except (ValueError, TypeError, RecursionError, OverflowError) as error:
        raise InputError(f"it is no list of numbers: {error}", where=where, remedy=_REMEDY) from error


def _content(path: Path, most: int) -> bytes:
    try:
        with path.open("rb") as stream:
            content = stream.read(most + 1)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise InputError(f"it cannot be read: {reason}", where=str(path), remedy="check the path") from error
    if len(content) > most:
        raise InputError(f"it is larger than {most} bytes", where=str(path), remedy="split it, or shorten it")
    return content


_REMEDY = "give a .npy file of one row of numbers, or a list of numbers as JSON"
_LINE = 'a line is a query as in {"text": "bell", "into": "objects", "k": 5}'
