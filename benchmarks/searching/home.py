"""A home filled by the direct path: catalog rows in bulk, then segments, with vectors that exist already."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from sqlalchemy import func, select, update

from benchmarks.searching.corpus import Corpus
from benchmarks.searching.marks import MARKS
from chiasm.catalog import Catalog
from chiasm.catalog.models import Asset, Segment
from chiasm.client.embedded import init_home
from chiasm.ingest.prepare import Prepared, prepare
from chiasm.ingest.records import parse_record
from chiasm.ingest.sources import MediaSource
from chiasm.ingest.targets import ensure_space
from chiasm.ingest.write import Batch, Targets, write_batch
from chiasm.search.kept import keep_replica
from chiasm.settings import load_settings
from chiasm.spaces import write_segment
from chiasm_encoders import default_text_spec

__all__ = ["Filled", "fill_home", "home_bytes", "row_of"]

#: Records of one transaction, as the readers of ingest take them.
_RECORDS = 2_000
#: Rows of one segment: what fits in memory a few times over.
_SEGMENT = 1_048_576
#: Nothing here is encoded, so the space has no real model's fingerprint.
_STAMP = "benchmark"


@dataclass(frozen=True)
class Filled:
    """What filling took."""

    catalog_s: float
    vectors_s: float
    #: Kind of each segment's index.
    kinds: list[str]

    @property
    def seconds(self) -> float:
        """Until everything was searchable in its final index."""
        return self.catalog_s + self.vectors_s


def fill_home(corpus: Corpus, home: Path, rows: int | None = None) -> Filled:
    """Make a home anew with an entity for each row: key, text, domain, the marks, one vector.

    Args:
        corpus: What goes in.
        home: Folder; what is there is removed.
        rows: Only so many of them.
    """
    shutil.rmtree(home, ignore_errors=True)
    settings = load_settings(home)
    init_home(settings)
    catalog = Catalog.open(settings)
    try:
        began = time.perf_counter()
        workspace = catalog.workspace_id(settings.workspace)
        space = ensure_space(
            catalog, workspace, "text", stamp=_STAMP, dim=corpus.dim, encoder=default_text_spec()
        )
        assets = _write_catalog(catalog, workspace, space.id, corpus, rows)
        written = time.perf_counter()
        _write_vectors(catalog, settings.spaces_dir, space.id, corpus, assets)
        # As a worker does that has nothing else to do.
        keep_replica(catalog, settings.home, workspace)
        ended = time.perf_counter()
        with catalog.read() as session:
            kinds = session.scalars(select(Segment.index_kind).where(Segment.state == "live")).all()
    finally:
        catalog.close()
    return Filled(written - began, ended - written, list(kinds))


def row_of(key: str) -> int:
    """Row of the corpus that an entity was made of."""
    return int(key.removeprefix("gloss:"))


def home_bytes(home: Path) -> dict[str, int]:
    """Bytes on disk of a home's parts: catalog, kept replica, feature block, index, other files of the spaces."""
    parts = {"catalog": 0, "replica": 0, "block": 0, "index": 0, "other": 0}
    for path in home.rglob("*"):
        if path.is_file():
            size = path.stat().st_size
            if path.name.startswith("catalog.sqlite"):
                parts["catalog"] += size
            elif "replica" in path.parts:
                parts["replica"] += size
            elif path.name.startswith("block"):
                parts["block"] += size
            elif path.name.startswith("index"):
                parts["index"] += size
            else:
                parts["other"] += size
    return parts


def _write_catalog(
    catalog: Catalog, workspace: int, space_id: int, corpus: Corpus, rows: int | None
) -> np.ndarray:
    """Asset of each row, ``(rows,)``."""
    records = _records(corpus, rows)
    assets: list[int] = []
    while some := list(islice(records, _RECORDS)):
        with catalog.change(workspace) as session:
            effects = write_batch(session, workspace, Batch(some), Targets({"text": space_id}), replace=False)
            catalog.bump_revision(session, workspace)
        # Ids are given out in the order of the records.
        assets += sorted(effects.pending["text"])
    return np.asarray(assets, dtype=np.int64)


def _records(corpus: Corpus, rows: int | None) -> Iterator[Prepared]:
    source = MediaSource(None)
    given = islice(zip(corpus.payload(), corpus.marks.tolist(), strict=True), rows)
    for row, ((text, domain), flags) in enumerate(given):
        raw: dict[str, Any] = {
            "key": f"gloss:{row}",
            "domain": domain,
            # The title counts as text: one text an entity, shown with each hit.
            "title": text,
            "attributes": dict(zip(MARKS, flags, strict=True)),
        }
        yield prepare(parse_record(raw), source, where="corpus", raw=raw, line=row, mode="update")


def _write_vectors(catalog: Catalog, root: Path, space_id: int, corpus: Corpus, assets: np.ndarray) -> None:
    for start in range(0, len(assets), _SEGMENT):
        ids = assets[start : start + _SEGMENT]
        vectors = np.asarray(corpus.vectors[start : start + len(ids)], dtype=np.float32)
        pending = write_segment(catalog, root, space_id, ids, vectors, stamp=_STAMP)
        with catalog.write() as session:
            pending.commit(session)
            session.execute(
                update(Asset)
                .where(Asset.id.between(int(ids[0]), int(ids[-1])))
                .values(state="embedded")
                .execution_options(synchronize_session=False)
            )
    with catalog.read() as session:
        waiting = session.scalar(select(func.count()).where(Asset.state != "embedded"))
    if waiting:
        raise SystemExit(f"{waiting} texts have no vector")
