"""Columns of a snapshot's tables, with their types."""

from __future__ import annotations

import pyarrow as pa

__all__ = ["ASSET_COLUMNS", "ATTRIBUTE_COLUMNS", "ENTITY_COLUMNS", "SAID_COLUMNS", "TRIPLE_COLUMNS"]

ENTITY_COLUMNS = {"id": pa.int64(), "key": pa.string(), "domain": pa.string(), "title": pa.string()} | {
    "stub": pa.bool_(),
    "split": pa.string(),
}
ASSET_COLUMNS = {"id": pa.int64(), "entity": pa.int32(), "modality": pa.string(), "sha256": pa.string()} | {
    "lang": pa.string(),
    "role": pa.string(),
    "split": pa.string(),
    "value": pa.string(),
    "row": pa.int32(),
}
TRIPLE_COLUMNS = {"head": pa.int32(), "relation": pa.int16(), "tail": pa.int32(), "split": pa.string()}
SAID_COLUMNS = {"entity": pa.int32(), "query": pa.string(), "accepted": pa.bool_()}
ATTRIBUTE_COLUMNS = {"entity": pa.int32(), "name": pa.string(), "value": pa.string()}
