"""Records sent as JSON, written as a manifest; media in them come as base64."""

from __future__ import annotations

import base64
import binascii
import json
from pathlib import Path
from typing import Any

from chiasm.errors import ChiasmError, InputError, ManifestError, UsageError

__all__ = ["unpack_lines", "write_records"]

_MEDIA = ("image", "audio")


def unpack_lines(folder: Path, received: Path) -> Path:
    """The manifest of lines whose media came as base64 in them; those are files beside it then.

    A line that cannot be read stays as it is: the reader names it, and it fails alone.
    """
    manifest = folder / "records.jsonl"
    with received.open("rb") as lines, manifest.open("wb") as stream:
        for number, line in enumerate(lines, start=1):
            stream.write(_unpacked(folder, number, line))
    received.unlink()
    return manifest


def write_records(folder: Path, body: bytes, *, if_revision: int | None = None) -> Path:
    """The manifest, in a folder of its own.

    Args:
        folder: Fresh; media are written beside the manifest.
        body: `{"records": [...]}`; a medium `{"base64": ..., "role": ...}` becomes a file.
        if_revision: Of the one record that this goes with.

    Raises:
        UsageError: A revision, and not one record.
        InputError: The body has another shape, or base64 is malformed.
    """
    try:
        data = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise _no_json(error) from error
    records = data.get("records") if isinstance(data, dict) else None
    if not isinstance(records, list) or set(data) != {"records"} or not records:
        raise InputError(
            "the body has no records", where="body", remedy='send {"records": [{"key": ...}, ...]}'
        )
    if if_revision is not None:
        if len(records) != 1 or not isinstance(records[0], dict):
            raise UsageError(
                "this goes with one record", where="If-Match", remedy="write if_revision into each record"
            )
        records = [{**records[0], "if_revision": if_revision}]
    manifest = folder / "records.jsonl"
    with manifest.open("w", encoding="utf-8") as stream:
        for number, record in enumerate(records, start=1):
            # Escaped: half a surrogate pair is no UTF-8, and is refused by the reader for its record alone.
            stream.write(_written(_with_files(folder, number, record)) + "\n")
    return manifest


def _written(record: Any) -> str:
    try:
        return json.dumps(record)
    except RecursionError as error:
        raise _no_json(error) from error


def _no_json(error: Exception) -> InputError:
    reason = "it is nested too deeply" if isinstance(error, RecursionError) else str(error)[:200]
    return InputError(
        f"the body is not valid JSON: {reason}", where="body", remedy='send {"records": [{"key": ...}, ...]}'
    )


def _unpacked(folder: Path, number: int, line: bytes) -> bytes:
    if b'"base64"' not in line:
        return line
    try:
        return json.dumps(_with_files(folder, number, json.loads(line)), ensure_ascii=False).encode() + b"\n"
    except (ValueError, RecursionError, ChiasmError):
        return line


def _with_files(folder: Path, number: int, record: Any) -> Any:
    if not isinstance(record, dict):
        raise ManifestError(
            "a record must be a JSON object", where=f"record {number}", remedy='as {"key": ..., "text": ...}'
        )
    changed = dict(record)
    for name in _MEDIA:
        if name in record:
            items = record[name] if isinstance(record[name], list) else [record[name]]
            changed[name] = [
                _file(folder, f"{number}-{name}-{at}", item) for at, item in enumerate(items, start=1)
            ]
    return changed


def _file(folder: Path, name: str, item: Any) -> Any:
    if not isinstance(item, dict) or "base64" not in item:
        return item
    try:
        content = base64.b64decode(item["base64"], validate=True)
    except (binascii.Error, ValueError, TypeError) as error:
        raise InputError(
            "the content is not base64", where=f"record {name}", remedy="or send a multipart form"
        ) from error
    (folder / name).write_bytes(content)
    return {**{key: value for key, value in item.items() if key != "base64"}, "path": name}
