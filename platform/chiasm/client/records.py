"""Records handed over in Python: the media files that they name become content."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

__all__ = ["as_base64", "with_contents"]

_MEDIA = ("image", "audio")


def with_contents(record: Mapping[str, Any]) -> dict[str, Any]:
    """The record with `bytes` in place of each path of a readable local file.

    Anything else (URLs, files that are not there) stays as written, for the reader to judge.
    """
    return _changed(record, _content)


def as_base64(record: Mapping[str, Any]) -> dict[str, Any]:
    """The record with `{"base64": ...}` in place of `bytes`, as HTTP takes it."""
    return _changed(record, _encoded)


def _changed(record: Mapping[str, Any], change: Callable[[Any], Any]) -> dict[str, Any]:
    written = dict(record)
    for modality in _MEDIA:
        value = written.get(modality)
        if value is not None:
            written[modality] = [
                change(item) for item in (value if isinstance(value, (list, tuple)) else [value])
            ]
    return written


def _content(item: Any) -> Any:
    if isinstance(item, Mapping):
        return {**item, "path": _content(item["path"])} if "path" in item else item
    if not isinstance(item, (str, Path)):
        return item
    try:
        return Path(item).read_bytes()
    except (OSError, ValueError):
        return str(item)


def _encoded(item: Any) -> Any:
    if isinstance(item, bytes):
        return {"base64": base64.b64encode(item).decode("ascii")}
    if isinstance(item, Mapping) and isinstance(item.get("path"), bytes):
        about = {name: value for name, value in item.items() if name != "path"}
        return {**about, **_encoded(item["path"])}
    return item
