"""Writing a segment: aside, synced, renamed; it is whole or not there."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt

from chiasm.spaces.kinds import IndexKind, kind_for
from chiasm.spaces.kinds.base import Floats, Halves, Ints, flat_view
from chiasm.spaces.manifest import BLOCK, IDS, INDEX, MANIFEST, Manifest
from chiasm.spaces.pieces import describe
from chiasm.spaces.segment import SegmentFile, open_segment
from chiasm.spaces.tuning import RECALL, Knob, tune
from chiasm_encoders.durable import sync_folder
from chiasm_graph.arrays import map_array

__all__ = ["write_files", "write_stream"]

#: Rows that are turned to fp16 at a time.
_ROWS = 65_536


def write_files(
    folder: Path,
    ids: Ints,
    vectors: Floats,
    stamp: str,
    *,
    kind: IndexKind | None = None,
    recall: float = RECALL,
) -> SegmentFile:
    """Write vectors that are in memory as a segment.

    Args:
        folder: Where it shall be; must not exist yet.
        ids: Item ids, all different, ``(rows,)``.
        vectors: Unit vectors, ``(rows, dim)``.
        stamp: Fingerprint of the model that made them.
        kind: Of the index; by default what suits so many rows.
        recall: What the index is tuned to.
    """
    order = np.argsort(ids, kind="stable")
    blocks = (vectors[order[start : start + _ROWS]].astype(np.float16) for start in range(0, len(ids), _ROWS))
    return write_stream(folder, ids[order], vectors.shape[1], blocks, stamp, kind=kind, recall=recall)


def write_stream(
    folder: Path,
    ids: Ints,
    dim: int,
    blocks: Iterable[Halves],
    stamp: str,
    *,
    kind: IndexKind | None = None,
    recall: float = RECALL,
) -> SegmentFile:
    """Write a segment from blocks that come one after the other, so that memory stays bounded.

    Args:
        folder: Where it shall be; must not exist yet.
        ids: Item ids, ascending, ``(rows,)``.
        dim: Length of a vector.
        blocks: Unit vectors in the order of the ids, ``(some, dim)`` each.
        stamp: Fingerprint of the model that made them.
        kind: Of the index; by default what suits so many rows.
        recall: What the index is tuned to.
    """
    aside = folder.with_name(folder.name + ".tmp")
    shutil.rmtree(aside, ignore_errors=True)
    aside.mkdir(parents=True)
    try:
        kind = kind or kind_for(len(ids))
        _save_array(aside / IDS, ids.shape, [ids])
        _save_array(aside / BLOCK, (len(ids), dim), blocks)
        knobs = _index(aside, kind, recall) if kind.stored else ()
        sha256 = _seal(aside, Manifest(stamp, len(ids), dim, kind, knobs, _described(aside)))
        aside.rename(folder)
    except BaseException as error:
        # The disk is full, say: what is there of it would only take more room.
        shutil.rmtree(aside, ignore_errors=True)
        if isinstance(error, OSError):
            # A write does not know its file's name.
            error.filename = error.filename or str(folder)
        raise
    sync_folder(folder.parent)
    return open_segment(folder, sha256, stamp=stamp, dim=dim, lazy=True)


def _index(aside: Path, kind: IndexKind, recall: float) -> tuple[Knob, ...]:
    # The index sees what the block holds, so that both agree to the last bit.
    block = map_array(aside / BLOCK)
    index = kind.build(block)
    kind.save(index, aside / INDEX)
    del index
    return tune(kind, kind.open(aside / INDEX, flat_view(block)), block, recall)


def _described(aside: Path) -> dict[str, Any]:
    return {name: describe(aside / name) for name in (IDS, BLOCK, INDEX) if (aside / name).exists()}


def _seal(aside: Path, manifest: Manifest) -> str:
    text = manifest.text()
    (aside / MANIFEST).write_text(text, encoding="utf-8")
    for name in (*manifest.files, MANIFEST):
        _sync_file(aside / name)
    sync_folder(aside)
    return hashlib.sha256(text.encode()).hexdigest()


def _save_array(path: Path, shape: tuple[int, ...], parts: Iterable[npt.NDArray[Any]]) -> None:
    """Write an array as `np.save` does, but with the operating system's own error where there is no room."""
    with path.open("wb") as file:
        rows = 0
        for part in parts:
            if not rows:
                _save_head(file, part.dtype, shape)
            file.write(np.ascontiguousarray(part).data)
            rows += len(part)
    if rows != shape[0]:
        raise ValueError(f"{rows} rows came instead of {shape[0]}")


def _save_head(file: BinaryIO, dtype: np.dtype[Any], shape: tuple[int, ...]) -> None:
    head = {"descr": np.lib.format.dtype_to_descr(dtype), "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(file, head)


def _sync_file(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())
