from __future__ import annotations

from pathlib import Path

import pytest

from chiasm.catalog import Catalog
from chiasm.catalog.models import Asset, Embedding, Entity, Release, ReleaseSpace, Segment, Space, Workspace
from chiasm.errors import ConflictError, NotFoundError
from chiasm.releases.following import missing_entities
from chiasm.releases.store import diff_releases, find_release, list_releases
from chiasm.releases.swap import promote, rollback
from chiasm_migrations.upgrade import upgrade_schema


@pytest.fixture
def catalog(tmp_path: Path) -> Catalog:
    catalog = Catalog(f"sqlite:///{tmp_path / 'catalog.sqlite'}")
    upgrade_schema(catalog.engine)
    return catalog


@pytest.fixture
def workspace(catalog: Catalog) -> int:
    return catalog.workspace_id("default")


def add_release(catalog: Catalog, workspace: int, number: int, state: str = "candidate") -> int:
    with catalog.write() as session:
        row = Release(workspace_id=workspace, number=number, state=state, recipe={}, metrics={}, gate={})
        session.add(row)
        session.flush()
        return row.id


def active(catalog: Catalog, workspace: int) -> int | None:
    with catalog.read() as session:
        return session.get_one(Workspace, workspace).active_release_id


def test_promote_and_roll_back(catalog: Catalog, workspace: int) -> None:
    ids = [add_release(catalog, workspace, number) for number in (1, 2, 3)]
    for number in (1, 2, 3):
        assert promote(catalog, workspace, f"r{number}").state == "active"
        assert active(catalog, workspace) == ids[number - 1]
    assert [info.state for info in list_releases(catalog, workspace)] == ["active", "retired", "retired"]
    assert rollback(catalog, workspace).release == "r2"
    # A second step back goes further, not forth to r3 again.
    assert rollback(catalog, workspace).release == "r1"
    with pytest.raises(NotFoundError, match="no earlier release"):
        rollback(catalog, workspace)
    assert active(catalog, workspace) == ids[0]


@pytest.mark.parametrize("state", ["building", "failed", "active"])
def test_only_finished_releases_go_live(catalog: Catalog, workspace: int, state: str) -> None:
    add_release(catalog, workspace, 1, state)
    with pytest.raises(ConflictError, match=state):
        promote(catalog, workspace, "r1")


def test_unknown_release_names_those_that_exist(catalog: Catalog, workspace: int) -> None:
    add_release(catalog, workspace, 4)
    with pytest.raises(NotFoundError, match="no such release: r9") as caught:
        diff_releases(catalog, workspace, "r9", "r4")
    assert "r4" in str(caught.value)
    with catalog.read() as session, pytest.raises(NotFoundError, match="no release is active"):
        find_release(session, workspace, None)


def test_waiting_assets_are_embedded_by_their_own_modality_only(catalog: Catalog, workspace: int) -> None:
    with catalog.write() as session:
        session.add(Entity(id=7, workspace_id=workspace, key="a", attributes={}))
        session.flush()
        for asset, modality in ((7, "image"), (8, "audio")):
            session.add(
                Asset(
                    id=asset,
                    workspace_id=workspace,
                    entity_id=7,
                    modality=modality,
                    sha256=f"{asset:064d}",
                    size_bytes=1,
                    state="waiting",
                )
            )
        release = Release(
            id=1, workspace_id=workspace, number=1, state="candidate", recipe={}, metrics={}, gate={}
        )
        session.add(release)
        session.flush()
        # The fused space holds entity 7; audio asset 8 and image asset 7 must not be taken for it.
        for space, kind, item in ((1, "image", 7), (2, "fused", 8), (3, "audio", 99)):
            session.add(Space(id=space, workspace_id=workspace, kind=kind, stamp=f"s{space}", dim=4))
            session.flush()
            session.add(Segment(id=space, space_id=space, path=str(space), state="live"))
            session.flush()
            session.add(Embedding(space_id=space, item_id=item, segment_id=space))
            session.add(ReleaseSpace(release_id=1, kind=kind, space_id=space))
        session.flush()
        assert missing_entities(session, release) == [7]
    promote(catalog, workspace, "r1")
    with catalog.read() as session:
        assert session.get_one(Asset, 7).state == "embedded"
        assert session.get_one(Asset, 8).state == "waiting"
