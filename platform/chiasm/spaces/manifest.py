"""What a segment says of itself: stamp, rows, kind, how to search it, and the checksums of its files."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from chiasm.errors import DamagedError
from chiasm.spaces.kinds import IndexKind, index_kind
from chiasm.spaces.pieces import REMEDY
from chiasm.spaces.tuning import Knob

__all__ = ["BLOCK", "IDS", "INDEX", "MANIFEST", "Manifest", "read_manifest"]

IDS, BLOCK, INDEX, MANIFEST = "ids.npy", "block.npy", "index.faiss", "manifest.json"
#: Format 1 had no pieces, and an index of ids beside every block; format 2 pieces of 4 MiB.
_FORMATS = (1, 2, 3)
_PIECES_2 = 2**22
_FACTS = {"stamp": str, "dim": int, "rows": int, "kind": str}
_ENTRIES = ({"bytes", "sha256"}, {"bytes", "sha256", "pieces"})


@dataclass(frozen=True)
class Manifest:
    """As read, and found complete."""

    stamp: str
    rows: int
    dim: int
    kind: IndexKind
    knobs: tuple[Knob, ...]
    #: Name -> bytes, SHA-256, and SHA-256 of each piece.
    files: dict[str, Any]
    #: Of each piece but the last; None: what is written today.
    piece_bytes: int | None = None

    def text(self) -> str:
        """As it is written."""
        facts = {
            "format": _FORMATS[-1],
            "stamp": self.stamp,
            "rows": self.rows,
            "dim": self.dim,
            "kind": self.kind.name,
            "knobs": [knob._asdict() for knob in self.knobs],
            "files": self.files,
        }
        return json.dumps(facts, indent=1, sort_keys=True)


def read_manifest(folder: Path, sha256: str) -> Manifest:
    """The manifest of a segment.

    Args:
        folder: The segment's.
        sha256: What it must hash to.

    Raises:
        DamagedError: It is missing, changed, or not a segment's.
        NotFoundError: The kind of its index is not known here.
    """
    path = folder / MANIFEST
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        raise DamagedError("file is missing", where=str(path), remedy=REMEDY) from None
    if hashlib.sha256(data).hexdigest() != sha256:
        raise DamagedError("file differs from its checksum", where=str(path), remedy=REMEDY)
    try:
        facts: dict[str, Any] = json.loads(data)
        form, files = facts["format"], facts["files"]
        complete = all(type(facts[name]) is kind for name, kind in _FACTS.items())
        complete = complete and {IDS, BLOCK} <= set(files) <= {IDS, BLOCK, INDEX}
        complete = complete and all({*entry} in _ENTRIES for entry in files.values())
        knobs = tuple(Knob.read(knob) for knob in facts.get("knobs", ()))
    except (ValueError, RecursionError, KeyError, TypeError, AttributeError) as error:
        raise DamagedError(f"cannot be read: {error}"[:300], where=str(path), remedy=REMEDY) from error
    if form not in _FORMATS:
        raise DamagedError(
            f"format {form!r} is not known"[:300], where=str(path), remedy="use the Chiasm that wrote it"
        )
    if not complete:
        raise DamagedError("names other files than a segment's", where=str(path), remedy=REMEDY)
    kind = index_kind(facts["kind"])
    if (kind.stored and INDEX not in files) or (kind.stored and form == 1):
        raise DamagedError("names no index for its kind", where=str(path), remedy=REMEDY)
    return Manifest(
        facts["stamp"],
        facts["rows"],
        facts["dim"],
        kind,
        knobs,
        files,
        _PIECES_2 if form == 2 else None,
    )
