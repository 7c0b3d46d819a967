"""With an active release: what comes in, changes or goes is fused anew."""

from __future__ import annotations

import hashlib
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import select
from tests.places import CATALOGS, on

from chiasm import ingest
from chiasm.catalog.models import Entity, Release, ReleaseSpace, Segment, Space, Workspace
from chiasm.fusion.manifest import write_manifest
from chiasm.fusion.ranking import Ranking
from chiasm.fusion.recipe import FusionConfig, GraphConfig
from chiasm.fusion.runtime import FusionModel, build_gnn
from chiasm.fusion.transformer import build_fusion
from chiasm.ingest import clear
from chiasm.releases import forget
from chiasm.spaces import SpaceReader

from .conftest import DIM, Home
from .test_units import manifest, png

FUSED_DIM = 16


def activate(home: Home, predicates: list[str], *, paths: bool = False) -> int:
    """A small untrained release; the id of its fused space."""
    import torch

    torch.manual_seed(0)
    fusion = FusionConfig(dim=FUSED_DIM, prefixes=(8,), layers=1, heads=2, width=16, dropout=0.0)
    graph = GraphConfig(dim=FUSED_DIM, layers=2, fanout=(4, 3), dropout=0.0)
    dims = {"text": DIM, "image": DIM, "audio": DIM, "graph": FUSED_DIM}
    config = {
        "fusion": asdict(fusion),
        "graph": asdict(graph),
        "feature_dims": dims,
        "predicates": predicates,
    }
    if paths:
        # Read upwards, by the first predicate.
        dims["path"] = DIM
        config["paths"] = [[0, True]]
    gnn = build_gnn(graph, dims, len(predicates))
    model = FusionModel(build_fusion(fusion, dims), lambda: gnn, config, Ranking(), "")
    folder = home.settings.models_dir / "r1"
    names = model.save_parts(folder)
    sums = {name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in names}
    about = {"files": sums, "ranking": asdict(Ranking()), "fusion": {"fingerprint": model.fingerprint}}
    write_manifest(folder, about)
    spaces = ingest.current_spaces(home.tools, home.workspace_id)
    with home.catalog.write() as session:
        release = Release(
            workspace_id=home.workspace_id,
            number=1,
            state="active",
            recipe={},
            folder="r1",
            metrics={},
            gate={},
        )
        fused = Space(workspace_id=home.workspace_id, kind="fused", stamp=model.fingerprint, dim=FUSED_DIM)
        session.add_all([release, fused])
        session.flush()
        for kind, space_id in {**{k: s.id for k, s in spaces.items()}, "fused": fused.id}.items():
            session.add(ReleaseSpace(release_id=release.id, kind=kind, space_id=space_id))
        session.get_one(Workspace, home.workspace_id).active_release_id = release.id
        return fused.id


def fused(home: Home, space_id: int) -> dict[str, np.ndarray]:
    ids, matrix = SpaceReader(home.catalog, home.settings.spaces_dir, space_id).all()
    with home.catalog.read() as session:
        keys = dict(session.execute(select(Entity.id, Entity.key)).all())
    return {keys[int(one)]: vector for one, vector in zip(ids, matrix, strict=True)}


def release_of(home: Home) -> Release:
    with home.catalog.read() as session:
        found = ingest.active_release(session, home.workspace_id)
    assert found is not None
    return found


def all_ids(home: Home) -> np.ndarray:
    with home.catalog.read() as session:
        return np.asarray(session.scalars(select(Entity.id)).all(), dtype=np.int64)


@pytest.fixture
def busy(home: Home, tmp_path: Path) -> tuple[Home, int, Path]:
    space_id = activate(home, ["next", "is"])
    folder = tmp_path / "data"
    path = manifest(
        folder,
        {"key": "a", "title": "dog", "image": "a.png", "relations": [{"predicate": "next", "object": "b"}]},
        {"key": "b", "text": "cat", "relations": [{"predicate": "is", "object": "kw:animal"}]},
        {
            "key": "c",
            "relations": [{"predicate": "unheard_of", "object": "a"}, {"predicate": "next", "object": "b"}],
        },
        {"key": "lonely"},
    )
    (folder / "a.png").write_bytes(png())
    home.ingest(path)
    return home, space_id, path


def test_what_comes_in_is_fused(busy: tuple[Home, int, Path]) -> None:
    home, space_id, _ = busy
    # An entity without any token has no vector; a stub and one that has only edges do.
    assert set(fused(home, space_id)) == {"a", "b", "c", "kw:animal"}


@on(*CATALOGS)
def test_unit_by_unit_equals_all_at_once(busy: tuple[Home, int, Path]) -> None:
    home, space_id, _ = busy
    release = release_of(home)
    whole = ingest.preload(home.tools, release)
    ids, vectors = ingest.fuse_entities(home.tools, release, all_ids(home), preloaded=whole)
    single = [ingest.fuse_entities(home.tools, release, np.asarray([one]))[1] for one in ids]
    np.testing.assert_allclose(np.concatenate(single), vectors, atol=1e-5)
    stored = SpaceReader(home.catalog, home.settings.spaces_dir, space_id).vectors(ids)
    np.testing.assert_allclose(stored, vectors, atol=2e-3)


def test_a_path_is_a_token_that_reaches_further_than_the_graph_network(home: Home, tmp_path: Path) -> None:
    space_id = activate(home, ["next", "is"], paths=True)
    chain = [
        {"key": f"e{n}", "title": f"thing {n}", "relations": [{"predicate": "next", "object": f"e{n + 1}"}]}
        for n in range(5)
    ]
    home.ingest(manifest(tmp_path / "data", *chain, {"key": "e5", "title": "root"}))
    release, ids = release_of(home), all_ids(home)
    whole = ingest.preload(home.tools, release)
    _, vectors = ingest.fuse_entities(home.tools, release, ids, preloaded=whole)
    single = [ingest.fuse_entities(home.tools, release, np.asarray([one]))[1] for one in ids]
    np.testing.assert_allclose(np.concatenate(single), vectors, atol=1e-5)
    home.ingest(manifest(tmp_path / "data", {"key": "e5", "title": "another root"}, name="n.jsonl"))
    before, after = vectors[0], ingest.fuse_entities(home.tools, release, ids[:1])[1][0]
    # Five edges below the root, of which the graph token reads two.
    assert not np.allclose(before, after, atol=1e-4)
    assert set(fused(home, space_id)) == {f"e{n}" for n in range(6)}


def test_a_change_reaches_its_neighbours(busy: tuple[Home, int, Path]) -> None:
    home, space_id, path = busy
    before = fused(home, space_id)
    home.ingest(manifest(path.parent, {"key": "kw:animal", "title": "living thing"}, name="n.jsonl"))
    after = fused(home, space_id)
    assert not np.allclose(before["kw:animal"], after["kw:animal"])
    # Two edges away too: by a job of its own, after everything else.
    assert not np.allclose(before["b"], after["b"]) and not np.allclose(before["a"], after["a"])


def test_an_edge_alone_is_fused(busy: tuple[Home, int, Path], tmp_path: Path) -> None:
    home, space_id, _ = busy
    before = fused(home, space_id)
    (tmp_path / "t.tsv").write_text("lonely\tnext\ta\n")
    home.ingest(tmp_path / "t.tsv")
    after = fused(home, space_id)
    assert "lonely" in after and not np.allclose(before["a"], after["a"])


@on(*CATALOGS)
def test_what_is_deleted_is_gone_and_its_neighbours_follow(busy: tuple[Home, int, Path]) -> None:
    home, space_id, _ = busy
    before = fused(home, space_id)
    assert ingest.delete_entity(home.catalog, home.workspace_id, "b") is not None
    home.work()
    after = fused(home, space_id)
    # c had no other edge that the model knows, and the stub none at all but its name.
    assert set(after) == {"a", "kw:animal"} and not np.allclose(before["a"], after["a"])


def test_forgetting_leaves_no_vector_of_before(busy: tuple[Home, int, Path]) -> None:
    home, space_id, _ = busy
    before = fused(home, space_id)
    asked = forget.submit_forget(home.settings, home.catalog, home.workspace_id, ["b"])
    # Files are cleared last: what the neighbours are fused to has taken the old vectors' place by then.
    assert home.work() == {"fuse": 1, "forget": 1}
    after = fused(home, space_id)
    assert set(after) == {"a", "kw:animal"} and not np.allclose(before["a"], after["a"])
    with home.catalog.read() as session:
        rows = session.scalars(select(Segment.rows).where(Segment.space_id == space_id)).all()
    assert sum(rows) == len(after)
    receipt = forget.read_receipt(home.catalog, home.workspace_id, asked.receipt_id)
    assert [one["release"] for one in receipt["releases"]] == ["r1"]
    # The release is whole as it was.
    assert home.tools.models.fusion("r1").dim == FUSED_DIM


@on(*CATALOGS)
def test_deleting_a_domain_reaches_its_neighbours(busy: tuple[Home, int, Path], tmp_path: Path) -> None:
    home, space_id, _ = busy
    outside = [
        {"key": f"x{n}", "title": f"thing {n}", "relations": [{"predicate": "next", "object": "a"}]}
        for n in range(3)
    ]
    home.ingest(manifest(tmp_path / "x", *outside), domain="outside")
    before = fused(home, space_id)
    job_id = clear.submit_clear(home.settings, home.catalog, home.workspace_id, "outside")
    home.work()
    after = fused(home, space_id)
    assert home.result(job_id)["deleted"] == 3 and set(before) - set(after) == {"x0", "x1", "x2"}
    assert not np.allclose(before["a"], after["a"])
