"""What users gave, as files that other tools read and that ingest back equal."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

from chiasm.archive.aside import aside
from chiasm.archive.entities import GivenEntity, given_entities
from chiasm.archive.watch import Watch, unwatched
from chiasm.catalog import Catalog
from chiasm.errors import ConflictError, UsageError
from chiasm.settings import Settings

__all__ = ["EXPORT_FORMATS", "ExportReport", "export"]

EXPORT_FORMATS = ("graphml", "jsonl", "ntriples", "parquet")


@dataclass(frozen=True)
class ExportReport:
    """What an export holds."""

    folder: str
    format: str
    #: Files to ingest, in this order.
    files: list[str]
    bytes: int
    seconds: float
    #: entities, stubs, texts, media, relations; left_out: what the format has no place for, or was derived.
    counts: dict[str, int]

    def to_dict(self) -> dict[str, Any]:
        """The report as JSON."""
        return asdict(self)


def export(
    settings: Settings,
    catalog: Catalog,
    workspace_id: int,
    folder: Path,
    *,
    form: str = "jsonl",
    watch: Watch = unwatched,
) -> ExportReport:
    """Write a workspace's entities, media and statements into a folder.

    JSON Lines and Parquet hold everything and ingest back equal. N-Triples and GraphML hold graph, titles,
    texts and attributes as far as they can, and no media.

    Args:
        settings: The home.
        catalog: Its catalog.
        workspace_id: Tenant.
        folder: Where to; must not exist yet, or be empty.
        form: One of `EXPORT_FORMATS`.
        watch: Told how far it is.

    Raises:
        UsageError: The format is unknown, or the folder above does not exist.
        ConflictError: The folder holds something.
        DamagedError: A picture or sound is missing or does not match its checksum.
    """
    if form not in EXPORT_FORMATS:
        raise UsageError(f"unknown format {form!r}", remedy=f"use {', '.join(EXPORT_FORMATS)}")
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise ConflictError(
            "there is something of this name already", where=str(folder), remedy="name a new folder"
        )
    began = time.monotonic()
    with aside(folder, "export") as scratch:
        entities = partial(given_entities, catalog, workspace_id)
        counts = _write(form, entities, settings, scratch, watch)
        files = sorted(path.name for path in scratch.iterdir() if path.is_file())
        size = sum(path.stat().st_size for path in scratch.rglob("*") if path.is_file())
        scratch.replace(folder)
    seconds = round(time.monotonic() - began, 3)
    # An entity's line comes before the tables that name it.
    files.sort(key=lambda name: (not name.startswith("entities"), name))
    return ExportReport(str(folder), form, files, size, seconds, dict(+counts))


def _write(
    form: str,
    entities: Callable[[], Iterator[GivenEntity]],
    settings: Settings,
    folder: Path,
    watch: Watch,
) -> Counter[str]:
    if form == "graphml":
        from chiasm.archive.formats.graphml import write_graphml

        return write_graphml(entities, folder / "graph.graphml", watch)
    if form == "ntriples":
        from chiasm.archive.formats.ntriples import write_ntriples

        return write_ntriples(entities(), folder, watch)
    from chiasm.archive.formats.jsonl import write_jsonl
    from chiasm.archive.formats.media import MediaFolder
    from chiasm.archive.formats.parquet import write_parquet
    from chiasm.media import BlobStore

    writer = write_jsonl if form == "jsonl" else write_parquet
    return writer(entities(), folder, MediaFolder(BlobStore(settings.blobs_url), folder), watch)
