"""A small home with an active release, its doctor, and what it answers."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sqlalchemy import select
from tests.integration.ingest import conftest as worker
from tests.integration.ingest.test_fusing import activate
from tests.integration.ingest.test_units import manifest, png, wav

from chiasm import ingest
from chiasm.catalog.models import Asset, Embedding, Entity, Segment, Space
from chiasm.client.embedded import OpenHome
from chiasm.spaces import SpaceReader, kinds
from chiasm.upkeep import Report, examine

home = worker.home

RECORDS: list[dict[str, Any]] = [
    {"key": "a", "title": "dog", "image": "a.png", "relations": [{"predicate": "next", "object": "b"}]},
    {"key": "b", "title": "cat", "audio": "b.wav", "relations": [{"predicate": "is", "object": "kw:animal"}]},
    {
        "key": "c",
        "title": "bee",
        "text": ["hums", "stings"],
        "relations": [{"predicate": "next", "object": "a"}],
    },
]


class Clinic:
    """A home under examination."""

    def __init__(self, home: worker.Home, source: Path) -> None:
        self.home = home
        self.source = source
        self.open = OpenHome(home.settings)
        self.catalog = home.catalog
        self.root = home.settings.home

    def doctor(self, *, repair: bool = False, full: bool = True) -> Report:
        return examine(self.open, repair=repair, full=full, grace_s=0)

    def wrong(self) -> dict[str, str]:
        """Check to its worst level, of those that are not content."""
        found = [one for one in self.doctor().findings if one.level != "ok"]
        return {one.check: one.level for one in sorted(found, key=lambda one: one.level == "problem")}

    def answers(self) -> dict[str, Any]:
        """Each live vector of every space, rounded; what all searches are made of."""
        with self.catalog.read() as session:
            spaces = session.scalars(select(Space)).all()
            names: dict[str, dict[int, str]] = {"asset": {}, "entity": {}}
            names["entity"] = dict(session.execute(select(Entity.id, Entity.key)).all())
            for row in session.scalars(select(Asset)):
                names["asset"][row.id] = f"{names['entity'].get(row.entity_id)} {row.sha256[:8]}"
        found = {}
        for space in spaces:
            ids, matrix = SpaceReader(self.catalog, self.home.settings.spaces_dir, space.id).all()
            of = names["entity" if space.kind == "fused" else "asset"]
            found |= {
                f"{space.kind} {of[int(one)]}": np.round(row, 2).tolist()
                for one, row in zip(ids, matrix, strict=True)
            }
        return found

    def segment(self, kind: str) -> tuple[Segment, Space]:
        """The segment that holds the first item of a space."""
        with self.catalog.read() as session:
            return (
                session.execute(
                    select(Segment, Space)
                    .join(Space, Space.id == Segment.space_id)
                    .join(Embedding, Embedding.segment_id == Segment.id)
                    .where(Space.kind == kind)
                    .order_by(Embedding.item_id)
                    .limit(1)
                )
                .one()
                ._tuple()
            )

    def folder(self, kind: str) -> Path:
        return self.home.settings.spaces_dir / self.segment(kind)[0].path

    def blob(self) -> Path:
        return next(path for path in sorted((self.root / "blobs").rglob("*")) if path.is_file())


@pytest.fixture(scope="module", autouse=True)
def an_index_each() -> Iterator[None]:
    """Segments of any size have an index, so that there is one to be damaged."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(kinds, "HNSW_ROWS", 1)
        yield


@pytest.fixture
def clinic(home: worker.Home, tmp_path: Path) -> Iterator[Clinic]:
    assert set(ingest.current_spaces(home.tools, home.workspace_id)) == {"text", "image", "audio"}
    activate(home, ["next", "is"])
    folder = tmp_path / "data"
    source = manifest(folder, *RECORDS)
    (folder / "a.png").write_bytes(png())
    (folder / "b.wav").write_bytes(wav())
    home.ingest(source)
    clinic = Clinic(home, source)
    yield clinic
    clinic.open.close()
    home.catalog.close()
