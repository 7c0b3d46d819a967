"""Manifests, tables, graphs and folders into the catalog; assets into spaces; entities into fused vectors."""

from chiasm.ingest.clear import clear_unit, submit_clear
from chiasm.ingest.delete import delete_asset, delete_entity
from chiasm.ingest.embed import embed_assets, embed_unit
from chiasm.ingest.fuse import Preloaded, fuse_entities, fuse_unit, preload
from chiasm.ingest.read import read_unit
from chiasm.ingest.refresh import neighbourhood, refresh_unit
from chiasm.ingest.submit import submit_ingest, submit_records
from chiasm.ingest.targets import active_release, current_spaces, ensure_space

__all__ = [
    "Preloaded",
    "active_release",
    "clear_unit",
    "current_spaces",
    "delete_asset",
    "delete_entity",
    "embed_assets",
    "embed_unit",
    "ensure_space",
    "fuse_entities",
    "fuse_unit",
    "neighbourhood",
    "preload",
    "read_unit",
    "refresh_unit",
    "submit_clear",
    "submit_ingest",
    "submit_records",
]
