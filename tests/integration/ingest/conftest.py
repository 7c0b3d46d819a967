"""Homes whose units are worked off in this process, with encoders that hash."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sqlalchemy import func, select

from chiasm import ingest, jobs
from chiasm.catalog import Catalog
from chiasm.catalog.models import Embedding, Failure, Job, Space, WorkUnit
from chiasm.ingest import clear, submit
from chiasm.jobs import Heart, Tools, WorkContext
from chiasm.releases import forget
from chiasm.releases.forget import submit as forget_submit
from chiasm.settings import Settings, load_settings
from chiasm_encoders import register_encoder
from chiasm_migrations.upgrade import upgrade_schema

DIM = 24
HANDLERS = {
    "read": ingest.read_unit,
    "embed": ingest.embed_unit,
    "fuse": ingest.fuse_unit,
    "refresh": ingest.refresh_unit,
    "clear": ingest.clear_unit,
    "forget": forget.forget_unit,
}


@dataclass(frozen=True)
class HashEncoder:
    """Equal content, equal vector; counts what it was given."""

    modality: str
    given: list[int]
    dim: int = DIM

    @property
    def fingerprint(self) -> str:
        return f"hash-{self.modality}"

    def encode(self, batch: Sequence[Any]) -> np.ndarray:
        self.given.append(len(batch))
        vectors = np.zeros((len(batch), self.dim), dtype=np.float32)
        for row, item in enumerate(batch):
            content = (
                item.encode()
                if isinstance(item, str)
                else np.asarray(getattr(item, "samples", item)).tobytes()
            )
            seed = int.from_bytes(hashlib.sha256(content).digest()[:8], "big")
            vectors[row] = np.random.default_rng(seed).normal(size=self.dim)
        return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


class Home:
    """A home and a worker that runs when told to."""

    def __init__(self, settings: Settings, given: list[int]) -> None:
        self.settings = settings
        self.given = given
        self.catalog = Catalog.open(settings)
        upgrade_schema(self.catalog.engine)
        self.workspace_id = self.catalog.workspace_id("default")
        self.tools = Tools(settings, self.catalog)

    def ingest(self, *paths: Path, **options: Any) -> tuple[Counter[str], int]:
        job_id = ingest.submit_ingest(self.settings, self.catalog, self.workspace_id, paths, **options)
        self.work()
        return self.result(job_id), job_id

    def work(self) -> Counter[str]:
        done: Counter[str] = Counter()
        while claims := jobs.claim(self.catalog, ["ingest"], "test"):
            claim = claims[0]
            with Heart(self.catalog, claim, lambda: False) as heart:
                HANDLERS[claim.kind](WorkContext(self.tools, claim, heart), claim)
            done[claim.kind] += 1
        return done

    def result(self, job_id: int) -> Counter[str]:
        with self.catalog.read() as session:
            job = session.get_one(Job, job_id)
            assert job.state == "done", (job.state, job.error, session.scalars(select(WorkUnit.stack)).all())
            return Counter({name: value for name, value in job.result.items() if isinstance(value, int)})

    def failures(self, job_id: int) -> list[Failure]:
        with self.catalog.read() as session:
            return list(session.scalars(select(Failure).where(Failure.job_id == job_id).order_by(Failure.id)))

    def embedded(self) -> Counter[str]:
        with self.catalog.read() as session:
            rows = session.execute(
                select(Space.kind, func.count())
                .join(Embedding, Embedding.space_id == Space.id)
                .group_by(Space.kind)
            )
            return Counter(dict(rows.all()))


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: dict[str, str]) -> Iterator[Home]:
    """Local, or where the test's `on(...)` says."""
    given: list[int] = []
    register_encoder("test-hash", lambda name, device: HashEncoder(name, given))
    for name in ("notify", "ensure_worker"):
        monkeypatch.setattr(submit, name, lambda *arguments: True)
    for module in (clear, forget_submit):
        monkeypatch.setattr(module, "wake", lambda *arguments: None)
    encoders = {f"{modality}_encoder": f"test-hash:{modality}" for modality in ("text", "image", "audio")}
    made = Home(load_settings(tmp_path / "home", **encoders, **place), given)
    yield made
    made.catalog.close()
