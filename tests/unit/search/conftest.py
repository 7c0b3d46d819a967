"""A small workspace: letters with texts and pictures, linked to shape stubs; deterministic encoders."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sqlalchemy import inspect

from chiasm.catalog import Catalog
from chiasm.catalog.models import (
    Asset,
    Base,
    Domain,
    Entity,
    Predicate,
    Release,
    ReleaseSpace,
    Space,
    Triple,
    Workspace,
)
from chiasm.catalog.models.full_text import index_statements
from chiasm.errors import StampError
from chiasm.fusion.ranking import QueryWeights, Ranking
from chiasm.fusion.words import Words
from chiasm.search import Searcher
from chiasm.settings import Settings
from chiasm.spaces import remove_items, write_segment

from .stores import Place, lite_store, store_place

__all__ = ["lite_store", "store_place"]

DIM = 16
TEXT_SPEC, IMAGE_SPEC = "words", "colours"


class WordEncoder:
    """The normalised sum of a fixed random vector a word."""

    modality, dim, fingerprint = "text", DIM, "w" * 64

    def encode(self, batch: Sequence[str]) -> np.ndarray:
        vectors = np.array([np.sum([word(w) for w in text.lower().split()], axis=0) for text in batch])
        return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


class ColourEncoder:
    """A fixed random vector by the mean colour of a picture."""

    modality, dim, fingerprint = "image", DIM, "c" * 64

    def encode(self, batch: Sequence[np.ndarray]) -> np.ndarray:
        vectors = np.array([word(f"colour {int(picture.mean())}") for picture in batch])
        return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def word(text: str) -> np.ndarray:
    seed = int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "big")
    return np.random.default_rng(seed).normal(size=DIM)


def picture(level: int) -> np.ndarray:
    return np.full((4, 4, 3), level, dtype=np.uint8)


class MeanFusion:
    """The mean of all tokens: one space for all kinds."""

    dim, fingerprint = DIM, "f" * 64
    feature_dims = {"text": DIM, "image": DIM, "graph": DIM}
    modalities = ("text", "image")
    predicates, fanout, paths = ("has", "like"), (12, 4), None
    words = Words.fit(
        WordEncoder().encode(["round", "straight"]), ("shape:round", "shape:straight"), np.arange(2)
    )
    ranking = Ranking(
        {
            "text": QueryWeights(10.0, 4.0, 2.0, -5.0, 0.0, 0.5, 0.0, 0.3),
            "image": QueryWeights(8.0, 3.0, 0.0, -5.0, 0.0, 0.5),
        }
    )

    def fuse(self, items: Sequence[Mapping[str, np.ndarray]], *, weights: Any = None) -> np.ndarray:
        rows = []
        for item in items:
            parts = [(np.atleast_2d(v).mean(0), (weights or {}).get(kind, 1.0)) for kind, v in item.items()]
            vector = np.sum([w * v for v, w in parts], axis=0)
            rows.append(vector / np.linalg.norm(vector))
        return np.array(rows, dtype=np.float32).reshape(-1, self.dim)

    def graph_tokens(self, graph: Any, features: Any, seeds: Any, *, exclude: Any = None) -> np.ndarray:
        """As of a model that learned nothing from its graph: no entity has a token."""
        return np.full((len(seeds), self.dim), np.nan, dtype=np.float32)


class Models:
    """In the place of `ModelCache`."""

    def __init__(self) -> None:
        self.encoders = {TEXT_SPEC: WordEncoder(), IMAGE_SPEC: ColourEncoder()}

    def encoder(self, spec: str, stamp: str | None = None) -> Any:
        found = self.encoders[spec]
        if stamp is not None and stamp != found.fingerprint:
            raise StampError("another model", where=spec)
        return found

    def query_encoder(self, spec: str, stamp: str, student: str | None, student_stamp: str | None) -> Any:
        return self.encoder(spec, stamp) if student is None else self.encoder(student, student_stamp)

    def fusion(self, folder: str) -> MeanFusion:
        assert folder == "releases/1/r1"
        return MeanFusion()


@dataclass
class Home:
    """A workspace with helpers to fill it."""

    settings: Settings
    catalog: Catalog
    searcher: Searcher
    models: Models
    workspace: int
    ids: dict[str, int] = field(default_factory=dict)
    spaces: dict[str, int] = field(default_factory=dict)

    def space(self, kind: str, encoder: Any, spec: str | None) -> None:
        with self.catalog.write() as session:
            row = Space(
                workspace_id=self.workspace,
                kind=kind,
                stamp=encoder.fingerprint,
                encoder=spec,
                dim=encoder.dim,
            )
            session.add(row)
            session.flush()
            self.spaces[kind] = row.id

    def entity(
        self,
        key: str,
        *,
        domain: str | None = "letters",
        texts: Sequence[str] = (),
        levels: Sequence[int] = (),
        links: Sequence[tuple[str, str]] = (),
        stub: bool = False,
        **attributes: Any,
    ) -> int:
        """An entity with its assets embedded and its edges."""
        with self.catalog.write() as session:
            row = Entity(
                workspace_id=self.workspace,
                key=key,
                title=texts[0] if texts else None,
                domain_id=_named(session, Domain, self.workspace, domain) if domain else None,
                attributes=attributes,
                is_stub=stub,
            )
            session.add(row)
            session.flush()
            self.ids[key] = row.id
            assets: dict[str, list[tuple[int, Any]]] = {"text": [], "image": []}
            for modality, values in (("text", texts), ("image", levels)):
                for value in values:
                    asset = Asset(
                        workspace_id=self.workspace,
                        entity_id=row.id,
                        modality=modality,
                        sha256=hashlib.sha256(str(value).encode()).hexdigest(),
                        value=value if modality == "text" else None,
                        size_bytes=1,
                        state="embedded",
                    )
                    session.add(asset)
                    session.flush()
                    assets[modality].append((asset.id, value if modality == "text" else picture(value)))
            for predicate, other in links:
                session.add(
                    Triple(
                        workspace_id=self.workspace,
                        subject_id=row.id,
                        predicate_id=_named(session, Predicate, self.workspace, predicate),
                        object_id=self.ids[other],
                        object_ref=f"e:{self.ids[other]}",
                    )
                )
            self.catalog.bump_revision(session, self.workspace)
        tokens = {}
        for modality, found in assets.items():
            if found and modality in self.spaces:
                spec = TEXT_SPEC if modality == "text" else IMAGE_SPEC
                tokens[modality] = self.models.encoders[spec].encode([value for _, value in found])
                self.embed(modality, [asset for asset, _ in found], tokens[modality])
        if "fused" in self.spaces and tokens:
            self.embed("fused", [row.id], MeanFusion().fuse([tokens]))
        return row.id

    def embed(self, kind: str, ids: list[int], vectors: np.ndarray) -> None:
        pending = write_segment(
            self.catalog, self.settings.spaces_dir, self.spaces[kind], np.array(ids), vectors
        )
        with self.catalog.write() as session:
            pending.commit(session)

    def forget(self, kind: str, ids: list[int]) -> None:
        with self.catalog.write() as session:
            remove_items(session, [self.spaces[kind]], ids)

    def promote(self) -> None:
        """A release over the spaces there are."""
        with self.catalog.write() as session:
            release = Release(
                workspace_id=self.workspace, number=1, state="active", recipe={}, folder="releases/1/r1"
            )
            session.add(release)
            session.flush()
            for kind, space_id in self.spaces.items():
                session.add(ReleaseSpace(release_id=release.id, kind=kind, space_id=space_id))
            session.get_one(Workspace, self.workspace).active_release_id = release.id


def _named(session: Any, table: type, workspace: int, name: str) -> int:
    from sqlalchemy import select

    found = session.scalar(select(table.id).where(table.workspace_id == workspace, table.name == name))
    if found is not None:
        return int(found)
    row = table(workspace_id=workspace, name=name)
    session.add(row)
    session.flush()
    return int(row.id)


def open_home(folder: Path, **places: str) -> Home:
    settings = Settings(home=folder, text_encoder=TEXT_SPEC, image_encoder=IMAGE_SPEC, **places)
    catalog = Catalog.open(settings)
    with catalog.write() as session:
        Base.metadata.create_all(session.connection())
        statements = index_statements("sqlite")
        # A copied home has it.
        for statement in () if inspect(session.connection()).has_table("asset_text") else statements:
            session.connection().exec_driver_sql(statement)
    models = Models()
    searcher = Searcher(settings, catalog, models)  # type: ignore[arg-type]
    return Home(settings, catalog, searcher, models, catalog.workspace_id("default"))


def fill(home: Home) -> None:
    home.entity("shape:round", domain=None, texts=["round"], stub=True)
    home.entity("shape:straight", domain=None, texts=["straight"], stub=True)
    home.entity("l:o", texts=["letter oh"], levels=[10], links=[("has", "shape:round")], year=1900)
    home.entity("l:c", texts=["letter cee"], levels=[20], links=[("has", "shape:round")], year=1910)
    home.entity("l:i", texts=["letter eye"], links=[("has", "shape:straight")], year=1920, tags=["thin"])
    home.entity("l:x", levels=[40], year=1930)
    home.entity("d:1", domain="digits", texts=["digit one", "uno"], links=[("like", "l:i")], year="old")
    home.entity("d:0", domain="digits", texts=["digit zero"], levels=[12], links=[("like", "l:o")])


@pytest.fixture(scope="session")
def templates(tmp_path_factory: pytest.TempPathFactory, store_place: Place) -> dict[str, Home]:
    """Filled homes, made once; tests get copies."""
    made = {}
    for name in ("late", "fused"):
        home = open_home(tmp_path_factory.mktemp(name), **store_place.settings())
        home.space("text", WordEncoder(), TEXT_SPEC)
        home.space("image", ColourEncoder(), IMAGE_SPEC)
        if name == "fused":
            home.space("fused", MeanFusion(), None)
        fill(home)
        if name == "fused":
            home.promote()
        store_place.settle(home)
        home.catalog.close()
        made[name] = home
    return made


@pytest.fixture(autouse=True)
def _searched_there(store_place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    store_place.patch(monkeypatch)


def _copy(template: Home, folder: Path, place: Place) -> Home:
    shutil.copytree(template.settings.home, folder, dirs_exist_ok=True)
    home = open_home(folder, **place.settings(template))
    home.ids, home.spaces = dict(template.ids), dict(template.spaces)
    return home


@pytest.fixture
def empty(tmp_path: Path, store_place: Place) -> Iterator[Home]:
    home = open_home(tmp_path, **store_place.settings())
    yield home
    home.catalog.close()


@pytest.fixture
def late(templates: dict[str, Home], tmp_path: Path, store_place: Place) -> Iterator[Home]:
    home = _copy(templates["late"], tmp_path, store_place)
    yield home
    home.catalog.close()


@pytest.fixture
def fused(templates: dict[str, Home], tmp_path: Path, store_place: Place) -> Iterator[Home]:
    home = _copy(templates["fused"], tmp_path, store_place)
    yield home
    home.catalog.close()


@pytest.fixture(params=["late", "fused"])
def home(request: pytest.FixtureRequest) -> Home:
    found: Home = request.getfixturevalue(request.param)
    return found
