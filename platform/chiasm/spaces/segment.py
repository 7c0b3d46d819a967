"""A segment on disk: an immutable folder of vectors that is checked before it is used.

```
<segment>/ids.npy          (rows,) int64, ascending
<segment>/block.npy        (rows, dim) float16, unit vectors: numpy.load(..., mmap_mode="r") reads it
<segment>/index.faiss      derived from the block, of large segments only; answers with rows of the block
<segment>/manifest.json    stamp, rows, dim, kind, how to search it, and bytes and checksums of each file
```
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from chiasm.errors import DamagedError, StampError
from chiasm.spaces.kinds.base import Floats, Halves, IndexKind, Ints, flat_view
from chiasm.spaces.manifest import BLOCK, IDS, INDEX, MANIFEST, Manifest, read_manifest
from chiasm.spaces.pieces import REMEDY, PieceGuard
from chiasm.spaces.tuning import Knob
from chiasm_graph.arrays import map_array

__all__ = ["SegmentFile", "open_segment"]

#: Blocks of more bytes than this are verified a piece at a time, where their kind of index allows it.
_LAZY_BYTES = 64 * 2**20


@dataclass(frozen=True)
class SegmentFile:
    """An opened segment: what is not verified yet is before it is used."""

    folder: Path
    manifest: Manifest
    #: (rows,) ascending
    ids: Ints
    #: (rows, dim), memory-mapped
    block: Halves
    #: Of the block.
    guard: PieceGuard
    #: Of the index; None without one.
    index_guard: PieceGuard | None
    #: SHA-256 of the manifest.
    sha256: str
    size_bytes: int

    @property
    def stamp(self) -> str:
        """Fingerprint of the model that made the vectors."""
        return self.manifest.stamp

    @property
    def dim(self) -> int:
        """Length of a vector."""
        return self.manifest.dim

    @property
    def kind(self) -> IndexKind:
        """Kind of the index."""
        return self.manifest.kind

    @property
    def knobs(self) -> tuple[Knob, ...]:
        """How hard the index has to look."""
        return self.manifest.knobs

    @cached_property
    def flat(self) -> Any:
        """A flat FAISS view of the block; `check_map` and `guard` come before its use."""
        return flat_view(self.block)

    @cached_property
    def index(self) -> Any:
        """The index, mapped and attached to the block; its file has been verified."""
        if self.index_guard is None:
            return self.flat
        self.index_guard.require_all()
        return self.kind.open(self.folder / INDEX, self.flat)

    def check_map(self) -> None:
        """Whether what is mapped is still there, and nothing of it was found damaged meanwhile.

        Raises:
            DamagedError: A file was cut since it was opened, or differs from its checksum.
        """
        self.guard.check()
        if self.index_guard is not None:
            self.index_guard.check()

    def require(self, rows: Ints) -> None:
        """Have rows of the block verified.

        Raises:
            DamagedError: A piece of the block that one of them lies in is damaged.
        """
        row_bytes = self.block.strides[0]
        starts = rows * row_bytes + (self.manifest.files[BLOCK]["bytes"] - self.block.nbytes)
        self.guard.require(starts, starts + row_bytes)

    def vectors(self, rows: Ints | None = None) -> Floats:
        """Vectors of some rows, or of all, ``(n, dim)``."""
        if rows is None:
            self.guard.require_all()
            return np.asarray(self.block, dtype=np.float32)
        self.require(rows)
        return np.asarray(self.block[rows], dtype=np.float32)

    def rows_of(self, ids: Ints) -> Ints:
        """Row of each id, ``(n,)``; all must be in the segment."""
        return np.searchsorted(self.ids, ids)


def open_segment(
    folder: Path, sha256: str, *, stamp: str, dim: int, with_index: bool = True, lazy: bool = False
) -> SegmentFile:
    """Open a segment after checking size and checksum of each of its files.

    Args:
        folder: The segment's folder.
        sha256: What its manifest must hash to (from the segment's row).
        stamp: Stamp of the space.
        dim: Dimension of the space.
        with_index: Whether the index must be sound too; it can be built again from the rest.
        lazy: Whether a large block may be verified a piece at a time, where it is used.

    Raises:
        DamagedError: A file is missing, truncated or changed.
        StampError: The vectors were made by another model.
    """
    manifest = read_manifest(folder, sha256)
    if manifest.stamp != stamp or manifest.dim != dim:
        raise StampError(
            f"segment holds vectors of {manifest.stamp[:12]} ({manifest.dim} dimensions), "
            f"the space is of {stamp[:12]} ({dim})",
            where=str(folder),
            remedy=REMEDY,
        )
    names = [name for name in manifest.files if with_index or name != INDEX]
    guards = {name: _guard(folder / name, manifest) for name in names}
    late = lazy and not manifest.kind.roams and int(manifest.files[BLOCK]["bytes"]) > _LAZY_BYTES
    for name, guard in guards.items():
        if not (late and name == BLOCK):
            guard.require_all()
    ids, block = _arrays(folder, manifest)
    size = (folder / MANIFEST).stat().st_size + sum(int(manifest.files[name]["bytes"]) for name in names)
    index_guard = guards.get(INDEX) if manifest.kind.stored else None
    return SegmentFile(folder, manifest, ids, block, guards[BLOCK], index_guard, sha256, size)


def _guard(path: Path, manifest: Manifest) -> PieceGuard:
    entry = manifest.files[path.name]
    pieces, sha256 = entry.get("pieces"), str(entry["sha256"])
    return PieceGuard(path, int(entry["bytes"]), pieces, sha256, manifest.piece_bytes)


def _arrays(folder: Path, manifest: Manifest) -> tuple[Ints, npt.NDArray[np.float16]]:
    # A map of a file that was truncated is a bus error when touched: hence the checks before.
    try:
        # A shape beyond 64 bits would only be warned of.
        with np.errstate(over="raise"):
            block = map_array(folder / BLOCK)
            ids = map_array(folder / IDS)
    except (ValueError, EOFError, OverflowError, FloatingPointError) as error:
        raise DamagedError(
            f"arrays cannot be read: {error}"[:300], where=str(folder), remedy=REMEDY
        ) from error
    shaped = block.shape == (manifest.rows, manifest.dim) and ids.shape == (manifest.rows,)
    if not shaped or block.dtype != np.float16 or ids.dtype != np.int64 or not block.flags.c_contiguous:
        raise DamagedError("rows or dimension differ from the manifest", where=str(folder), remedy=REMEDY)
    return np.array(ids), block
