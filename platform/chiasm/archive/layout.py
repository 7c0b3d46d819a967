"""What a backup holds, by name.

```
header.json                   format, schema revision, time: what a reader must know first
tables/<table>/000001.jsonl   rows in order of their ids, one JSON object a line
blobs/aa/bb/<sha256>          pictures and sounds
spaces/<space>/<segment>/...  live segments
models/<release>/...          model folders
uploads/...                   what unfinished jobs have still to read
members.jsonl                 [name, bytes, SHA-256] of each file above, in order
manifest.json                 counts, and bytes and SHA-256 of members.jsonl
manifest.sha256               SHA-256 of the manifest
```
"""

from __future__ import annotations

import re
from pathlib import PurePosixPath

from chiasm.errors import InputError

__all__ = [
    "FORMAT",
    "HEADER",
    "MANIFEST",
    "MEMBERS",
    "SEAL",
    "TREES",
    "blob_member",
    "checked_member",
    "safe_relative",
    "table_member",
]

FORMAT = 1
HEADER, MEMBERS, MANIFEST, SEAL = "header.json", "members.jsonl", "manifest.json", "manifest.sha256"
#: Folders of the home that come back as they were.
TREES = ("spaces", "models", "uploads")

_SINGLE = frozenset({HEADER, MEMBERS, MANIFEST, SEAL})
_TABLE = re.compile(r"tables/[a-z_]{1,63}/[0-9]{6,9}\.jsonl")
_BLOB = re.compile(r"blobs/([0-9a-f]{2})/([0-9a-f]{2})/(\1\2[0-9a-f]{60})")
_MAX_DEPTH = 16


def table_member(table: str, part: int) -> str:
    """Name of a part of a table, from 1."""
    return f"tables/{table}/{part:06d}.jsonl"


def blob_member(address: str) -> str:
    """Name of a blob."""
    return f"blobs/{address[:2]}/{address[2:4]}/{address}"


def checked_member(name: str, where: str) -> PurePosixPath:
    """The path of a member below the folder that it is unpacked in.

    Raises:
        InputError: It is none that a backup has: absolute, with `..`, or of an unknown sort.
    """
    known = name in _SINGLE or _TABLE.fullmatch(name) or _BLOB.fullmatch(name)
    if not known and not (name.split("/")[0] in TREES and "/" in name and safe_relative(name)):
        raise InputError(
            f"{name[:200]!r} has no place in a backup",
            where=where,
            remedy="restore only what `chiasm backup` wrote",
        )
    return PurePosixPath(name)


def safe_relative(path: str) -> bool:
    """Whether a path stays below the folder that it is relative to, whatever the system makes of it."""
    parts = path.split("/")
    plain = path.isprintable() and "\\" not in path and len(parts) <= _MAX_DEPTH
    return plain and all(part not in {"", ".", ".."} for part in parts)
