"""Writes a catalog revision as the folder that `chiasm.training.snapshot` describes."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.ipc

from chiasm.errors import InputError
from chiasm.fusion.checkpoints import mapped_file, sha256_of, write_tensors
from chiasm.fusion.manifest import SEAL, seal_of
from chiasm.origins import GIVEN
from chiasm.training.tables import (
    ASSET_COLUMNS,
    ATTRIBUTE_COLUMNS,
    ENTITY_COLUMNS,
    SAID_COLUMNS,
    TRIPLE_COLUMNS,
)

__all__ = ["SnapshotWriter"]


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

    def add_said(self, columns: Mapping[str, Sequence[Any]]) -> None:
        """Append a batch of verdicts: entity, query, accepted."""
        self._append("said", SAID_COLUMNS, columns)

    def write_features(self, modality: str, features: npt.NDArray[Any]) -> None:
        """Write a modality's features, ``(rows, dim)``; assets point to its rows."""
        write_tensors(
            self.path / f"{modality}.safetensors",
            {"features": np.ascontiguousarray(features, dtype=np.float16)},
        )

    def image_array(self, rows: int, side: int) -> np.memmap[Any, Any]:
        """An array to fill with decoded pictures, ``(rows, side, side, 3)`` uint8, straight on disk."""
        return mapped_file(self.path / "image.npy", (rows, side, side, 3), np.uint8)

    def audio_array(self, lengths: Sequence[int]) -> tuple[np.memmap[Any, Any], npt.NDArray[np.int64]]:
        """An array to fill with decoded sounds.

        ``(samples,)`` int16 at 16 kHz, and its offsets ``(rows + 1,)``.
        """
        offsets = np.concatenate([[0], np.cumsum(np.asarray(lengths, dtype=np.int64))]).astype(np.int64)
        np.save(self.path / "audio_offsets.npy", offsets)
        flat = mapped_file(self.path / "audio.npy", (max(1, int(offsets[-1])),), np.int16)
        return flat, offsets

    def close(self) -> None:
        """Finish all files and write ``meta.json`` last."""
        for table, columns in (
            ("entities", ENTITY_COLUMNS),
            ("assets", ASSET_COLUMNS),
            ("triples", TRIPLE_COLUMNS),
            ("attributes", ATTRIBUTE_COLUMNS),
            ("said", SAID_COLUMNS),
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
