"""A home with a small linked catalogue of words, whose units are worked off in this process."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sqlalchemy import select

from chiasm import ingest, jobs
from chiasm.catalog import Catalog
from chiasm.catalog.models import Entity, Job, Release, ReleaseSpace, Workspace, WorkUnit
from chiasm.ingest import fuse_entities, submit
from chiasm.jobs import Heart, Tools, WorkContext
from chiasm.releases import submit as releases_submit
from chiasm.releases import submit_train
from chiasm.settings import Settings, load_settings
from chiasm.spaces import SpaceReader
from chiasm_encoders import register_encoder
from chiasm_migrations.upgrade import upgrade_schema
from chiasm_workers.handlers import find_handler

DIM = 48
#: What is tested is how releases come and go, not how good they are.
SMALL = {
    "encoders.text_tuning": "null",
    "fusion.dim": "32",
    "fusion.width": "32",
    "fusion.heads": "2",
    "fusion.layers": "1",
    "fusion.prefixes": "[16]",
    "graph.dim": "32",
    "graph.fanout": "[4, 3]",
    "training.epochs": "2",
}
MATERIALS = ("bronze", "clay", "silver", "wood", "glass", "stone")
THINGS = ("bell", "lamp", "sword", "bowl", "ring", "mask", "drum", "comb")


@dataclass(frozen=True)
class WordsEncoder:
    """The sum of what stands for each word: texts that share words are near."""

    dim: int = DIM
    modality: str = "text"
    fingerprint: str = "words-of-a-test"

    def encode(self, batch: Sequence[Any]) -> np.ndarray:
        vectors = np.stack(
            [np.sum([_of(word) for word in str(item).lower().split()], axis=0) for item in batch]
        )
        return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def _of(word: str) -> np.ndarray:
    seed = int.from_bytes(hashlib.sha256(word.encode()).digest()[:8], "big")
    return np.random.default_rng(seed).normal(size=DIM)


def thing(number: int, said: str = "") -> dict[str, Any]:
    """A record: what it is, of what, and two texts that nothing else has."""
    name = f"{MATERIALS[number % 6]} {THINGS[number % 8]}"
    return {
        "key": f"obj:{number}",
        "domain": "objects",
        "title": f"{name} {number}",
        "text": [f"piece{number} {name} {said}".strip(), f"note{number} about piece{number}"],
        "relations": [{"predicate": "made_of", "object": f"material:{MATERIALS[number % 6]}"}],
    }


class Home:
    """A home and a worker that runs when told to."""

    def __init__(self, settings: Settings, folder: Path) -> None:
        self.settings = settings
        self.folder = folder
        self.catalog = Catalog.open(settings)
        upgrade_schema(self.catalog.engine)
        self.workspace_id = self.catalog.workspace_id("default")
        self.tools = Tools(settings, self.catalog)
        self._files = 0

    def ingest(self, *records: dict[str, Any], work: bool = True) -> None:
        self._files += 1
        path = self.folder / f"{self._files}.jsonl"
        path.write_text("".join(json.dumps(record) + "\n" for record in records), encoding="utf-8")
        ingest.submit_ingest(self.settings, self.catalog, self.workspace_id, [path])
        if work:
            self.work()

    def train(self, *, work: bool = True, **options: Any) -> dict[str, Any]:
        given = {"overrides": {**SMALL, **options.pop("overrides", {})}, **options}
        job_id = submit_train(self.settings, self.catalog, self.workspace_id, **given)
        if work:
            self.work(["train", "ingest"])
        return self.result(job_id) if work else {"job": job_id}

    def result(self, job_id: int) -> dict[str, Any]:
        with self.catalog.read() as session:
            job = session.get_one(Job, job_id)
            assert job.state == "done", (job.state, job.error, session.scalars(select(WorkUnit.stack)).all())
            return dict(job.result)

    def work(self, lanes: Collection[str] = ("ingest",)) -> Counter[str]:
        done: Counter[str] = Counter()
        while claims := jobs.claim(self.catalog, list(lanes), "test"):
            claim = claims[0]
            with Heart(self.catalog, claim, lambda: False) as heart:
                find_handler(claim.kind)(WorkContext(self.tools, claim, heart), claim)
            done[claim.kind] += 1
        return done

    def release(self, name: str | None = None) -> Release:
        with self.catalog.read() as session:
            mine = select(Release).where(Release.workspace_id == self.workspace_id)
            if name is None:
                active = session.get_one(Workspace, self.workspace_id).active_release_id
                return session.scalars(mine.where(Release.id == active)).one()
            return session.scalars(mine.where(Release.number == int(name[1:]))).one()

    def live(self) -> dict[int, str]:
        """Key of each entity that was acknowledged and not deleted."""
        with self.catalog.read() as session:
            alive = select(Entity.id, Entity.key).where(Entity.deleted_at.is_(None))
            return {int(one): key for one, key in session.execute(alive)}

    def held(self, release: Release) -> dict[str, np.ndarray]:
        """What a release's fused space holds, by key."""
        with self.catalog.read() as session:
            space_id = session.scalars(
                select(ReleaseSpace.space_id).where(
                    ReleaseSpace.release_id == release.id, ReleaseSpace.kind == "fused"
                )
            ).one()
        ids, matrix = SpaceReader(self.catalog, self.settings.spaces_dir, space_id).all()
        live = self.live()
        return {live.get(int(one), f"gone {one}"): vector for one, vector in zip(ids, matrix, strict=True)}

    def anew(self, release: Release) -> dict[str, np.ndarray]:
        """What it would hold, made of all that there is now."""
        live = self.live()
        ids, vectors = fuse_entities(self.tools, release, np.array(sorted(live)))
        return {live[int(one)]: vector for one, vector in zip(ids, vectors, strict=True)}

    def assert_current(self, release: Release) -> None:
        """The release holds what is acknowledged, all of it and nothing else, as it is now."""
        held, right = self.held(release), self.anew(release)
        assert held.keys() == right.keys(), held.keys() ^ right.keys()
        wrong = [key for key in right if not np.allclose(held[key], right[key], atol=3e-3)]
        assert not wrong, f"{len(wrong)} of {len(right)} vectors are of older content: {wrong[:5]}"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    """A home for the tests of one file."""
    register_encoder("test-words", lambda name, device: WordsEncoder())
    with pytest.MonkeyPatch.context() as patch:
        for name in ("notify", "ensure_worker"):
            patch.setattr(submit, name, lambda *arguments: True)
        patch.setattr(releases_submit.jobs, "wake", lambda *arguments: None)
        folder = tmp_path_factory.mktemp("releases")
        home = Home(load_settings(folder / "home", text_encoder="test-words:text"), folder)
        yield home
        home.catalog.close()
