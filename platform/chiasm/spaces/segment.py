"""A segment on disk: an immutable folder of vectors that is checked before it is used.

```
<segment>/ids.npy          (rows,) int64, ascending
<segment>/block.npy        (rows, dim) float16, unit vectors: numpy.load(..., mmap_mode="r") reads it
<segment>/index.faiss      derived from the two above; answers with the ids
<segment>/manifest.json    stamp, rows, dim, kind, and bytes and SHA-256 of each file
```
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from chiasm.errors import DamagedError, StampError
from chiasm.spaces.kinds import index_kind, kind_for
from chiasm.spaces.kinds.base import Floats, IndexKind, Ints

__all__ = ["BLOCK", "MANIFEST", "SegmentFile", "open_segment", "sync_folder", "write_files"]

IDS, BLOCK, INDEX, MANIFEST = "ids.npy", "block.npy", "index.faiss", "manifest.json"
_FORMAT = 1
_FACTS = {"stamp", "dim", "rows", "kind"}
_REMEDY = (
    "run `chiasm doctor --repair`, or restore it from a backup; it can be embedded again from the catalog"
)


@dataclass(frozen=True)
class SegmentFile:
    """An opened, verified segment."""

    folder: Path
    stamp: str
    dim: int
    kind: IndexKind
    #: (rows,) ascending
    ids: Ints
    #: (rows, dim), memory-mapped
    block: npt.NDArray[np.float16]
    #: SHA-256 of the manifest.
    sha256: str
    size_bytes: int

    def open_index(self) -> Any:
        """The FAISS index of the segment."""
        return self.kind.open(self.folder / INDEX)

    def check_map(self) -> None:
        """Whether what is mapped is still there: a map of a file that was cut is a bus error when touched.

        Raises:
            DamagedError: The file was cut since it was opened.
        """
        path = self.folder / BLOCK
        try:
            size = path.stat().st_size
        except FileNotFoundError:
            # Its bytes live on in the map: merged away while a query still reads it.
            return
        if size < self.block.nbytes:
            raise DamagedError(f"file was cut to {size} bytes", where=str(path), remedy=_REMEDY)

    def rows_of(self, ids: Ints) -> Ints:
        """Row of each id, ``(n,)``; all must be in the segment."""
        return np.searchsorted(self.ids, ids)


def write_files(folder: Path, ids: Ints, vectors: Floats, stamp: str) -> SegmentFile:
    """Write a segment aside, sync files and folder, rename: it is whole or not there.

    Args:
        folder: Where it shall be; must not exist yet.
        ids: Item ids, all different, ``(rows,)``.
        vectors: Unit vectors, ``(rows, dim)``.
        stamp: Fingerprint of the model that made them.
    """
    aside = folder.with_name(folder.name + ".tmp")
    shutil.rmtree(aside, ignore_errors=True)
    aside.mkdir(parents=True)
    try:
        segment = _write_aside(aside, folder, ids, vectors, stamp)
        aside.rename(folder)
    except BaseException as error:
        # The disk is full, say: what is there of it would only take more room.
        shutil.rmtree(aside, ignore_errors=True)
        if isinstance(error, OSError):
            # A write does not know its file's name.
            error.filename = error.filename or str(folder)
        raise
    sync_folder(folder.parent)
    return segment


def _write_aside(aside: Path, folder: Path, ids: Ints, vectors: Floats, stamp: str) -> SegmentFile:
    order = np.argsort(ids, kind="stable")
    ids, block = ids[order], vectors[order].astype(np.float16)
    kind = kind_for(len(ids))
    _save_array(aside / IDS, ids)
    _save_array(aside / BLOCK, block)
    # The index sees what the block holds, so that both agree to the last bit.
    kind.save(kind.build(ids, block.astype(np.float32)), aside / INDEX)
    files = {name: _describe(aside / name) for name in (IDS, BLOCK, INDEX)}
    manifest = {
        "format": _FORMAT,
        "stamp": stamp,
        "rows": len(ids),
        "dim": int(vectors.shape[1]),
        "kind": kind.name,
        "files": files,
    }
    text = json.dumps(manifest, indent=1, sort_keys=True)
    (aside / MANIFEST).write_text(text, encoding="utf-8")
    for name in (*files, MANIFEST):
        _sync_file(aside / name)
    sync_folder(aside)
    size = sum(int(entry["bytes"]) for entry in files.values()) + len(text)
    sha256 = hashlib.sha256(text.encode()).hexdigest()
    return SegmentFile(folder, stamp, int(vectors.shape[1]), kind, ids, block, sha256, size)


def open_segment(folder: Path, sha256: str, *, stamp: str, dim: int, with_index: bool = True) -> SegmentFile:
    """Open a segment after checking size and checksum of each of its files.

    Args:
        folder: The segment's folder.
        sha256: What its manifest must hash to (from the segment's row).
        stamp: Stamp of the space.
        dim: Dimension of the space.
        with_index: Whether the index must be sound too; it can be built again from the rest.

    Raises:
        DamagedError: A file is missing, truncated or changed.
        StampError: The vectors were made by another model.
    """
    manifest = _manifest(folder, sha256)
    if manifest["stamp"] != stamp or manifest["dim"] != dim:
        raise StampError(
            f"segment holds vectors of {manifest['stamp'][:12]} ({manifest['dim']} dimensions), "
            f"the space is of {stamp[:12]} ({dim})",
            where=str(folder),
            remedy=_REMEDY,
        )
    size = (folder / MANIFEST).stat().st_size
    for name, entry in manifest["files"].items():
        if name == INDEX and not with_index:
            continue
        _verify(folder / name, int(entry["bytes"]), str(entry["sha256"]))
        size += int(entry["bytes"])
    # A map of a file that was truncated is a bus error when touched: hence the checks above.
    try:
        # A shape beyond 64 bits would only be warned of.
        with np.errstate(over="raise"):
            block = np.load(folder / BLOCK, mmap_mode="r", allow_pickle=False)
            ids = np.load(folder / IDS, mmap_mode="r", allow_pickle=False)
    except (ValueError, EOFError, OverflowError, FloatingPointError) as error:
        raise DamagedError(
            f"arrays cannot be read: {error}"[:300], where=str(folder), remedy=_REMEDY
        ) from error
    if block.shape != (manifest["rows"], dim) or ids.shape != (manifest["rows"],):
        raise DamagedError("rows or dimension differ from the manifest", where=str(folder), remedy=_REMEDY)
    return SegmentFile(folder, stamp, dim, index_kind(manifest["kind"]), np.array(ids), block, sha256, size)


def sync_folder(folder: Path) -> None:
    """Make renames and new names in a folder durable."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _save_array(path: Path, array: npt.NDArray[Any]) -> None:
    """Write an array as `np.save` does, but with the operating system's own error where there is no room."""
    with path.open("wb") as file:
        header = np.lib.format.header_data_from_array_1_0(array)
        np.lib.format.write_array_header_1_0(file, header)
        file.write(np.ascontiguousarray(array).data)


def _manifest(folder: Path, sha256: str) -> dict[str, Any]:
    path = folder / MANIFEST
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        raise DamagedError("file is missing", where=str(path), remedy=_REMEDY) from None
    if hashlib.sha256(data).hexdigest() != sha256:
        raise DamagedError("file differs from its checksum", where=str(path), remedy=_REMEDY)
    try:
        manifest: dict[str, Any] = json.loads(data)
        files, form = manifest["files"], manifest["format"]
        complete = set(files) == {IDS, BLOCK, INDEX} and manifest.keys() >= _FACTS
        complete = complete and all({*entry} == {"bytes", "sha256"} for entry in files.values())
    except (ValueError, RecursionError, KeyError, TypeError, AttributeError) as error:
        raise DamagedError(f"cannot be read: {error}"[:300], where=str(path), remedy=_REMEDY) from error
    if form == _FORMAT and not complete:
        raise DamagedError("names other files than a segment's", where=str(path), remedy=_REMEDY)
    if form != _FORMAT:
        raise DamagedError(
            f"format {form!r} is not known"[:300],
            where=str(path),
            remedy="use the Chiasm that wrote it",
        )
    return manifest


def _describe(path: Path) -> dict[str, int | str]:
    with path.open("rb") as file:
        return {"bytes": path.stat().st_size, "sha256": hashlib.file_digest(file, "sha256").hexdigest()}


def _verify(path: Path, size: int, sha256: str) -> None:
    if not path.is_file():
        raise DamagedError("file is missing", where=str(path), remedy=_REMEDY)
    found = path.stat().st_size
    if found != size:
        raise DamagedError(f"file has {found} bytes instead of {size}", where=str(path), remedy=_REMEDY)
    if _describe(path)["sha256"] != sha256:
        raise DamagedError("file differs from its checksum", where=str(path), remedy=_REMEDY)


def _sync_file(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())
