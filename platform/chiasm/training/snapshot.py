"""A catalog revision as a folder of flat files: all that training reads, with no SQL at hand.

```
meta.json            workspace, revision, encoders, predicates, domains, sha256 of every other file
entities.arrow       id, key, domain, title, stub, split; the row number is the node number everywhere
assets.arrow         id, entity (row), modality, sha256, lang, role, split, value (texts), row in the
modality's array
triples.arrow        head, relation, tail, split
attributes.arrow     entity (row), name, value: those of one plain value, as text; absent in old snapshots
said.arrow           entity (row), query, accepted: what people said of hits; absent in old snapshots
{modality}.safetensors  "features" (rows, dim) float16
image.npy            (rows, side, side, 3) uint8, decoded pictures for a student
audio.npy, audio_offsets.npy  (samples,) int16 at 16 kHz and (rows + 1,) int64, decoded sounds for a student
```
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.ipc
from safetensors import safe_open

from chiasm.errors import DamagedError, NotFoundError
from chiasm.fusion.checkpoints import sha256_of
from chiasm.fusion.manifest import SEAL, seal_of
from chiasm.origins import GIVEN
from chiasm.training.tables import (
    ATTRIBUTE_COLUMNS,
    SAID_COLUMNS,
)
from chiasm_graph import Triples
from chiasm_graph.arrays import map_array

__all__ = ["MODALITIES", "SAMPLE_RATE_HZ", "Snapshot"]

MODALITIES = ("text", "image", "audio")
#: Of ``audio.npy``.
SAMPLE_RATE_HZ = 16_000


class Snapshot:
    """A snapshot folder, memory-mapped; columns are read when first asked for.

    Args:
        path: Folder that `SnapshotWriter` closed.
        meta: Contents of its ``meta.json``.
    """

    def __init__(self, path: Path, meta: Mapping[str, Any]) -> None:
        self.path = path
        self.meta = meta
        self.workspace: str = meta["workspace"]
        self.revision: int = meta["revision"]
        self.predicates: tuple[str, ...] = tuple(meta["predicates"])
        #: Where the triples come from; snapshots of before that was written down held those that users gave.
        self.origins: tuple[str, ...] = tuple(meta.get("origins", GIVEN))
        self.domains: tuple[str, ...] = tuple(meta["domains"])
        self.encoders: dict[str, str] = dict(meta["encoders"])

    @classmethod
    def open(cls, path: Path | str, *, verify: bool = True) -> Snapshot:
        """Open a folder.

        Args:
            path: The snapshot's folder.
            verify: Check every file's SHA-256 first.

        Raises:
            NotFoundError: There is no ``meta.json``: not a snapshot, or one that was never finished.
            DamagedError: A file is missing or differs from its checksum.
        """
        folder = Path(path)
        try:
            meta = json.loads((folder / "meta.json").read_text(encoding="utf-8"))
        except FileNotFoundError:
            raise NotFoundError(
                "no finished snapshot here", where=str(folder), remedy="write the snapshot again"
            ) from None
        except (ValueError, RecursionError) as error:
            raise _damaged(folder / "meta.json", f"cannot be read: {error}"[:300]) from error
        if not isinstance(meta, dict) or meta.get(SEAL) != seal_of(meta):
            raise _damaged(folder / "meta.json", "file differs from its checksum")
        for name, digest in meta["files"].items() if verify else ():
            file = folder / name
            if not file.is_file() or sha256_of(file) != digest:
                raise _damaged(file, "file is missing or differs from its checksum")
        return cls(folder, meta)

    @property
    def digest(self) -> str:
        """SHA-256 of the contents: equal data, equal digest."""
        import hashlib

        text = json.dumps(self.meta, sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()

    @cached_property
    def entities(self) -> pa.Table:
        """Columns id, key, domain, title, stub, split."""
        return self._table("entities")

    @cached_property
    def assets(self) -> pa.Table:
        """Columns id, entity, modality, sha256, lang, role, split, value, row."""
        return self._table("assets")

    @cached_property
    def triples(self) -> pa.Table:
        """Columns head, relation, tail, split."""
        return self._table("triples")

    @cached_property
    def attributes(self) -> pa.Table:
        """Columns entity, name, value."""
        return self._later_table("attributes", ATTRIBUTE_COLUMNS)

    @cached_property
    def said(self) -> pa.Table:
        """Columns entity, query, accepted."""
        return self._later_table("said", SAID_COLUMNS)

    @property
    def num_entities(self) -> int:
        """Rows of ``entities``, stubs included."""
        return int(self.entities.num_rows)

    def column(self, table: str, name: str) -> npt.NDArray[Any]:
        """One column as an array (objects for strings)."""
        return getattr(self, table)[name].to_numpy(zero_copy_only=False)

    def features(self, modality: str) -> npt.NDArray[np.float16] | None:
        """Features of a modality, ``(rows, dim)`` float16; None when the snapshot has none."""
        file = self.path / f"{modality}.safetensors"
        if not file.is_file():
            return None
        with safe_open(str(file), framework="numpy") as tensors:
            return np.asarray(tensors.get_tensor("features"))

    def images(self) -> npt.NDArray[np.uint8] | None:
        """Decoded pictures, ``(rows, side, side, 3)``, memory-mapped; None when there are none."""
        file = self.path / "image.npy"
        return map_array(file) if file.is_file() else None

    def waves(self) -> tuple[npt.NDArray[np.int16], npt.NDArray[np.int64]] | None:
        """Decoded sounds, ``(samples,)`` memory-mapped, and offsets ``(rows + 1,)``.

        None when there are none.
        """
        file = self.path / "audio.npy"
        if not file.is_file():
            return None
        return map_array(file), np.array(map_array(self.path / "audio_offsets.npy"))

    def graph(self, keep: npt.NDArray[np.bool_] | None = None) -> Triples:
        """The triples, or those of ``keep`` (``(triples,)``), over all entities."""
        picked = slice(None) if keep is None else keep
        return Triples(
            self.column("triples", "head")[picked],
            self.column("triples", "relation")[picked],
            self.column("triples", "tail")[picked],
            num_nodes=self.num_entities,
            num_relations=len(self.predicates),
        )

    def _later_table(self, name: str, columns: Mapping[str, pa.DataType]) -> pa.Table:
        """A table that old snapshots have not."""
        if not (self.path / f"{name}.arrow").is_file():
            return pa.schema(list(columns.items())).empty_table()
        return self._table(name)

    def _table(self, name: str) -> pa.Table:
        with pa.memory_map(str(self.path / f"{name}.arrow")) as source:
            return pa.ipc.open_file(source).read_all()


def _damaged(path: Path, what: str) -> DamagedError:
    return DamagedError(what, where=str(path), remedy="write the snapshot again: remove it, or train anew")
