"""A catalog revision as a folder of flat files: all that training reads, with no SQL at hand.

```
meta.json            workspace, revision, encoders, predicates, domains, sha256 of every other file
entities.arrow       id, key, domain, title, stub, split; the row number is the node number everywhere
assets.arrow         id, entity (row), modality, sha256, lang, role, split, value (texts), row in the
modality's array
triples.arrow        head, relation, tail, split
attributes.arrow     entity (row), name, value: those of one plain value, as text; absent in old snapshots
{modality}.safetensors  "features" (rows, dim) float16
image.npy            (rows, side, side, 3) uint8, decoded pictures for a student
audio.npy, audio_offsets.npy  (samples,) int16 at 16 kHz and (rows + 1,) int64, decoded sounds for a student
```
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.ipc
from safetensors import safe_open

from chiasm.errors import DamagedError, InputError, NotFoundError
from chiasm.fusion.checkpoints import sha256_of, write_tensors
from chiasm.fusion.manifest import SEAL, seal_of
from chiasm.origins import GIVEN
from chiasm.training.tables import ASSET_COLUMNS, ATTRIBUTE_COLUMNS, ENTITY_COLUMNS, TRIPLE_COLUMNS
from chiasm_graph import Triples

__all__ = ["MODALITIES", "SAMPLE_RATE_HZ", "Snapshot", "SnapshotWriter"]

MODALITIES = ("text", "image", "audio")
#: Of ``audio.npy``.
SAMPLE_RATE_HZ = 16_000


@dataclass
class SnapshotWriter:
    """Writes a snapshot folder; `close` makes it whole, and a folder without ``meta.json`` is none.

    Args:
        path: Folder, made if need be.
        workspace: Name of the workspace, part of the split hash.
        revision: Catalog revision that the rows were read at.
        predicates: Name of each relation, by number.
        encoders: Modality to the fingerprint of the encoder that made its features.
        origins: Where its triples come from.
    """

    path: Path
    workspace: str
    revision: int
    predicates: Sequence[str]
    encoders: Mapping[str, str] = field(default_factory=dict)
    origins: Sequence[str] = GIVEN
    _domains: list[str] = field(default_factory=list, init=False)
    _sinks: dict[str, Any] = field(default_factory=dict, init=False)
    _counts: dict[str, int] = field(default_factory=dict, init=False)

    def __post_init__(self) -> None:
        self.path = Path(self.path)
        self.path.mkdir(parents=True, exist_ok=True)
        (self.path / "meta.json").unlink(missing_ok=True)

    def add_entities(self, columns: Mapping[str, Sequence[Any]]) -> None:
        """Append a batch of entities, in row order: id, key, domain, title, stub, split."""
        for domain in columns["domain"]:
            if domain not in self._domains:
                self._domains.append(domain)
        self._append("entities", ENTITY_COLUMNS, columns)

    def add_assets(self, columns: Mapping[str, Sequence[Any]]) -> None:
        """Append a batch of assets: id, entity, modality, sha256, lang, role, split, value, row."""
        self._append("assets", ASSET_COLUMNS, columns)

    def add_triples(self, columns: Mapping[str, Sequence[Any]]) -> None:
        """Append a batch of triples: head, relation, tail, split."""
        self._append("triples", TRIPLE_COLUMNS, columns)

    def add_attributes(self, columns: Mapping[str, Sequence[Any]]) -> None:
        """Append a batch of attributes: entity, name, value (as text)."""
        self._append("attributes", ATTRIBUTE_COLUMNS, columns)

    def write_features(self, modality: str, features: npt.NDArray[Any]) -> None:
        """Write a modality's features, ``(rows, dim)``; assets point to its rows."""
        write_tensors(
            self.path / f"{modality}.safetensors",
            {"features": np.ascontiguousarray(features, dtype=np.float16)},
        )

    def image_array(self, rows: int, side: int) -> np.memmap[Any, Any]:
        """An array to fill with decoded pictures, ``(rows, side, side, 3)`` uint8, straight on disk."""
        return np.lib.format.open_memmap(
            self.path / "image.npy", mode="w+", dtype=np.uint8, shape=(rows, side, side, 3)
        )

    def audio_array(self, lengths: Sequence[int]) -> tuple[np.memmap[Any, Any], npt.NDArray[np.int64]]:
        """An array to fill with decoded sounds.

        ``(samples,)`` int16 at 16 kHz, and its offsets ``(rows + 1,)``.
        """
        offsets = np.concatenate([[0], np.cumsum(np.asarray(lengths, dtype=np.int64))]).astype(np.int64)
        np.save(self.path / "audio_offsets.npy", offsets)
        flat = np.lib.format.open_memmap(
            self.path / "audio.npy", mode="w+", dtype=np.int16, shape=(max(1, int(offsets[-1])),)
        )
        return flat, offsets

    def close(self) -> None:
        """Finish all files and write ``meta.json`` last."""
        for table, columns in (
            ("entities", ENTITY_COLUMNS),
            ("assets", ASSET_COLUMNS),
            ("triples", TRIPLE_COLUMNS),
            ("attributes", ATTRIBUTE_COLUMNS),
        ):
            if table not in self._sinks:
                self._append(table, columns, {name: [] for name in columns})
            self._sinks.pop(table).close()
        files = {
            p.name: sha256_of(p) for p in sorted(self.path.iterdir()) if p.suffix not in (".json", ".tmp")
        }
        meta = {
            "workspace": self.workspace,
            "revision": self.revision,
            "encoders": dict(self.encoders),
            "predicates": list(self.predicates),
            "origins": list(self.origins),
            "domains": self._domains,
            "counts": self._counts,
            "files": files,
        }
        sealed = {**meta, SEAL: seal_of(meta)}
        temporary = self.path / "meta.json.tmp"
        temporary.write_text(
            json.dumps(sealed, indent=1, sort_keys=True, ensure_ascii=False), encoding="utf-8"
        )
        temporary.replace(self.path / "meta.json")

    def _append(self, table: str, columns: Mapping[str, pa.DataType], values: Mapping[str, Any]) -> None:
        if set(values) != set(columns):
            known = ", ".join(columns)
            raise InputError(f"columns must be {known}", where=f"snapshot {table}")
        schema = pa.schema(list(columns.items()))
        batch = pa.record_batch([pa.array(values[name], type=kind) for name, kind in columns.items()], schema)
        if table not in self._sinks:
            self._sinks[table] = pa.ipc.new_file(str(self.path / f"{table}.arrow"), schema)
        self._sinks[table].write_batch(batch)
        self._counts[table] = self._counts.get(table, 0) + batch.num_rows


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
        if not (self.path / "attributes.arrow").is_file():
            return pa.schema(list(ATTRIBUTE_COLUMNS.items())).empty_table()
        return self._table("attributes")

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
        return np.load(file, mmap_mode="r") if file.is_file() else None

    def waves(self) -> tuple[npt.NDArray[np.int16], npt.NDArray[np.int64]] | None:
        """Decoded sounds, ``(samples,)`` memory-mapped, and offsets ``(rows + 1,)``.

        None when there are none.
        """
        file = self.path / "audio.npy"
        if not file.is_file():
            return None
        return np.load(file, mmap_mode="r"), np.load(self.path / "audio_offsets.npy")

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

    def _table(self, name: str) -> pa.Table:
        with pa.memory_map(str(self.path / f"{name}.arrow")) as source:
            return pa.ipc.open_file(source).read_all()


def _damaged(path: Path, what: str) -> DamagedError:
    return DamagedError(what, where=str(path), remedy="write the snapshot again: remove it, or train anew")
