from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import func, select

from chiasm.catalog import Catalog
from chiasm.catalog.models import Embedding, Entity, Segment, Space
from chiasm.catalog.seals import unsealed_rows
from chiasm.settings import load_settings
from chiasm.spaces import SpaceReader, write_segment
from chiasm_migrations.upgrade import upgrade_schema
from chiasm_workers import tidying
from chiasm_workers.tidying import Tidier


def test_many_small_segments_become_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = load_settings(tmp_path)
    catalog = Catalog.open(settings)
    upgrade_schema(catalog.engine)
    workspace = catalog.workspace_id("default")
    with catalog.write() as session:
        session.add(Space(id=1, workspace_id=workspace, kind="text", stamp="s", dim=4))
    vectors = np.random.default_rng(0).normal(size=(9, 4)).astype(np.float32)
    for n in range(9):
        pending = write_segment(catalog, settings.spaces_dir, 1, np.array([n + 1]), vectors[n : n + 1])
        with catalog.write() as session:
            pending.commit(session)
    monkeypatch.setattr(tidying, "_EVERY_S", 0.0)
    assert Tidier(settings, catalog).idle() == 0  # not crowded
    monkeypatch.setattr(tidying, "_MANY", 9)
    before = SpaceReader(catalog, settings.spaces_dir, 1).vectors(np.arange(1, 10))
    assert Tidier(settings, catalog).idle() == 9
    with catalog.read() as session:
        live = session.scalar(select(func.count()).select_from(Segment).where(Segment.state == "live"))
        assert live == 1
        assert session.scalar(select(func.count()).select_from(Embedding)) == 9
    # The merged segments' files go at the next look, not under the feet of a reader.
    assert len(list(settings.spaces_dir.glob("*/*"))) == 10
    assert Tidier(settings, catalog).idle() == 9
    assert len(list(settings.spaces_dir.glob("*/*"))) == 1
    after = SpaceReader(catalog, settings.spaces_dir, 1).vectors(np.arange(1, 10))
    np.testing.assert_array_equal(before, after)
    catalog.close()


def test_rows_are_sealed_while_nothing_else_is_to_be_done(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = load_settings(tmp_path)
    catalog = Catalog.open(settings)
    upgrade_schema(catalog.engine)
    workspace = catalog.workspace_id("default")
    with catalog.write() as session:
        session.add_all(Entity(workspace_id=workspace, key=f"k{n}", attributes={}) for n in range(3))
    tidier = Tidier(settings, catalog)
    assert tidier.idle() == 0 and unsealed_rows(catalog) == 3  # not yet: work may be coming
    monkeypatch.setattr(tidying, "_SEAL_EVERY_S", 0.0)
    tidier = Tidier(settings, catalog)
    assert tidier.idle() == 3 and unsealed_rows(catalog) == 0
    assert tidier.idle() == 0
    catalog.close()
