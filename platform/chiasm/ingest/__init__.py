"""Manifests, tables, graphs and folders into the catalog; assets into spaces; entities into fused vectors."""

from chiasm.ingest.delete import delete_entity
from chiasm.ingest.embed import embed
from chiasm.ingest.fuse import Preloaded, fuse, fuse_entities, preload
from chiasm.ingest.read import read
from chiasm.ingest.submit import submit_ingest, submit_records
from chiasm.ingest.targets import active_release, current_spaces, ensure_space

__all__ = [
    "Preloaded",
    "active_release",
    "current_spaces",
    "delete_entity",
    "embed",
    "ensure_space",
    "fuse",
    "fuse_entities",
    "preload",
    "read",
    "submit_ingest",
    "submit_records",
]
