"""A filled home with hash encoders: toys, a release with a model folder, work left over."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select
from tests.integration.ingest.conftest import HashEncoder, Home

from chiasm import jobs
from chiasm.archive import backup
from chiasm.catalog.models import Base, Release, Space
from chiasm.client import KnowledgeBase
from chiasm.client.embedded import EmbeddedBackend, OpenHome
from chiasm.ingest import submit
from chiasm.settings import Settings, load_settings
from chiasm.spaces import kinds
from chiasm_encoders import register_encoder

ENCODERS = {f"{modality}_encoder": f"test-hash:{modality}" for modality in ("text", "image", "audio")}
QUERIES = ["a red circle", "wood", "blue bar", "toy", "shape"]


@pytest.fixture(scope="module", autouse=True)
def an_index_each() -> Iterator[None]:
    """Segments of any size have an index, so that there is one to be damaged."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(kinds, "HNSW_ROWS", 1)
        yield


@pytest.fixture
def make_home(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Home]:
    register_encoder("test-hash", lambda name, device: HashEncoder(name, []))
    for name in ("notify", "ensure_worker"):
        monkeypatch.setattr(submit, name, lambda *arguments: True)
    return lambda folder, **settings: Home(load_settings(folder, **ENCODERS, **settings), [])


@pytest.fixture(scope="module")
def filled(toys: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    """A home that nobody changes."""
    with pytest.MonkeyPatch.context() as patch:
        register_encoder("test-hash", lambda name, device: HashEncoder(name, []))
        for name in ("notify", "ensure_worker"):
            patch.setattr(submit, name, lambda *arguments: True)
        home = fill(Home(load_settings(tmp_path_factory.mktemp("filled") / "home", **ENCODERS), []), toys)
        yield home
        home.catalog.close()


def fill(home: Home, toys: Path) -> Home:
    """Toys, a literal, a triples file, two releases, a unit that is claimed and one that waits."""
    extra = toys.parent / "more.jsonl"
    extra.write_text(
        json.dumps(
            {
                "key": 'odd "key", ünïcode',
                "domain": "odd",
                "title": "same",
                "text": [{"value": "gut", "lang": "de"}, "same", 'line\nbreak\tand <tags> & "quotes"'],
                "attributes": {
                    "tags": ["a", "b"],
                    "deep": {"x": [1, None, 2.5]},
                    "yes": True,
                    "n": 2**53 + 1,
                },
                "relations": [
                    {"predicate": "weight", "value": 1.25, "confidence": 0.5},
                    {"predicate": "note", "value": {"deep": ["x"]}},
                    {"predicate": "near", "object": "toy:red-circle", "confidence": 0.125},
                ],
            }
        )
        + "\n"
    )
    edges = toys.parent / "edges.tsv"
    edges.write_text("head\trelation\ttail\tconfidence\nshape:circle\trounder_than\tshape:bar\t0.75\n")
    counts, _ = home.ingest(toys, extra, edges)
    assert counts["created"] == 25, counts
    with home.catalog.write() as session:
        session.add_all(
            Release(
                workspace_id=home.workspace_id,
                number=number,
                state=state,
                recipe={"name": "offline", "overrides": {}},
                folder=f"releases/{home.workspace_id}/r{number}",
                metrics={"mrr": 0.1 + 0.2},
                gate={},
            )
            for number, state in ((1, "failed"), (2, "retired"))
        )
        job = jobs.create_job(session, home.workspace_id, "ingest", {})
        space_id = session.scalars(select(Space.id).where(Space.kind == "text")).one()
        jobs.add_units(
            session, job, "embed", [{"space_id": space_id, "asset_ids": [asset_id]} for asset_id in (1, 2)]
        )
    for number in (1, 2):
        folder = home.settings.models_dir / f"releases/{home.workspace_id}/r{number}" / "fusion"
        folder.mkdir(parents=True)
        (folder / "model.safetensors").write_bytes(bytes(range(256)) * 40)
    assert jobs.claim(home.catalog, ["ingest"], "somebody", limit=1)
    return home


def knowledge_base(settings: Settings) -> KnowledgeBase:
    return KnowledgeBase(EmbeddedBackend(OpenHome(settings)))


def rows(home_catalog: Any) -> dict[str, list[Any]]:
    """All rows of all tables."""
    with home_catalog.read() as session:
        return {
            table.name: [
                tuple(row) for row in session.execute(select(table).order_by(*table.primary_key.columns))
            ]
            for table in Base.metadata.sorted_tables
            # A log of what others may have to follow: each database has its own.
            if table.name != "change"
        }


def answers(settings: Settings) -> list[list[tuple[str, float]]]:
    """The first ten of each query."""
    with knowledge_base(settings) as kb:
        found = [[(hit.key, hit.score) for hit in kb.search(query, k=10)] for query in QUERIES]
        found += [[(hit.key, hit.score) for hit in kb.search(entity="toy:red-circle", k=10)]]
    assert all(found)
    return found


def files(folder: Path) -> dict[str, bytes]:
    """Every file below a folder that is not hidden."""
    found = {}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.is_file() and not name.startswith(".") and "/." not in name:
            found[name] = path.read_bytes()
    return found


@pytest.fixture(scope="module")
def whole(filled: Home, tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("backups") / "home.tar"
    backup(filled.settings, filled.catalog, file)
    return file


def target(folder: Path) -> Settings:
    """Settings of a home to restore into."""
    return load_settings(folder, **ENCODERS)
