"""A home with two releases of untrained weights, built by the product's own units, and a worker inside this process."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from sqlalchemy import func, select

from chiasm import ingest, jobs
from chiasm.catalog import Catalog
from chiasm.catalog.models import Entity, Predicate, Release, ReleaseSpace, Workspace
from chiasm.fusion.manifest import write_manifest
from chiasm.fusion.ranking import Ranking
from chiasm.fusion.recipe import FusionConfig, GraphConfig
from chiasm.jobs import QUEUES, Heart, Presence, Tools, WorkContext
from chiasm.settings import Settings, load_settings
from chiasm.spaces import SpaceReader
from chiasm_migrations.upgrade import upgrade_schema
from chiasm_workers.handlers import find_handler

__all__ = ["ENCODER", "GROUPS", "MadeHome", "record"]

#: Constant time: encoding is not what is measured.
ENCODER = "hash:text/64"
_TEXT_DIM, _DIM = 64, 64
#: Few: each round of changes touches all of them, so that graph tokens two edges away are made anew in every way.
GROUPS = 8
#: What is looked for is what was forgotten, not what a budget put off.
_NO_BUDGET = 1_000_000


def record(number: int, said: str = "") -> dict[str, Any]:
    """A thing with a title, a text and one edge."""
    return {
        "key": f"obj:{number}",
        "domain": "things",
        "title": f"thing {number}",
        "text": [f"a thing of number {number} {said}".strip()],
        "relations": [{"predicate": "part_of", "object": f"group:{number % GROUPS}"}],
    }


class MadeHome:
    """A home; its units are worked off when asked for.

    Args:
        folder: Where it shall be, or is.
        new: Whether it is made.
    """

    def __init__(self, folder: Path, *, new: bool = True) -> None:
        self.folder = folder
        self.settings: Settings = load_settings(
            folder / "home", text_encoder=ENCODER, refresh_neighbours=_NO_BUDGET
        )
        self.settings.home.mkdir(parents=True, exist_ok=True)
        self.catalog = Catalog.open(self.settings)
        if new:
            upgrade_schema(self.catalog.engine)
        self.workspace_id = self.catalog.workspace_id("default")
        self.tools = Tools(self.settings, self.catalog)
        self._files = 0
        # This process is the worker: none is started beside it.
        self._presence = Presence(self.settings, QUEUES)
        if new:
            self._presence.enter()

    def ingest(self, records: Iterable[dict[str, Any]]) -> None:
        """Ingest by the queue, and work it off."""
        self._files += 1
        path = self.folder / f"{self._files}.jsonl"
        path.write_text("".join(json.dumps(one) + "\n" for one in records), encoding="utf-8")
        ingest.submit_ingest(self.settings, self.catalog, self.workspace_id, [path])
        self.work()

    def delete(self, numbers: Iterable[int]) -> None:
        """Delete things, and fuse what was linked with them."""
        for number in numbers:
            ingest.delete_entity(self.catalog, self.workspace_id, f"obj:{number}")
        self.work()

    def work(self, lanes: Collection[str] = ("ingest",)) -> None:
        """Do all units of some lanes."""
        while claims := jobs.claim(self.catalog, list(lanes), "benchmark"):
            claim = claims[0]
            with Heart(self.catalog, claim, lambda: False) as heart:
                find_handler(claim.kind)(WorkContext(self.tools, claim, heart), claim)

    def add_release(self, seed: int, **asked: Any) -> str:
        """A release of untrained weights, its `build` unit waiting in the lane `train`; its name.

        Args:
            seed: Of the weights.
            asked: Of the unit: `promote`, `gate`.
        """
        with self.catalog.write() as session:
            number = (session.scalar(select(func.max(Release.number))) or 0) + 1
            folder = f"releases/{self.workspace_id}/r{number}"
            release = Release(
                workspace_id=self.workspace_id,
                number=number,
                seed=seed,
                recipe={},
                metrics={},
                gate={},
                folder=folder,
            )
            session.add(release)
            session.flush()
            job = jobs.create_job(session, self.workspace_id, "train", {})
            payload = {"release_id": release.id, "promote": "force", **asked}
            jobs.add_units(session, job, "build", [payload])
            predicates = list(session.scalars(select(Predicate.name).order_by(Predicate.name)))
        self._write_model(self.settings.models_dir / folder, predicates, seed)
        return f"r{number}"

    def _write_model(self, folder: Path, predicates: list[str], seed: int) -> None:
        import torch

        from chiasm.fusion.runtime import FusionModel, build_gnn
        from chiasm.fusion.transformer import build_fusion

        torch.manual_seed(seed)
        fusion = FusionConfig(dim=_DIM, prefixes=(16,), layers=1, heads=2, width=_DIM, dropout=0.0)
        graph = GraphConfig(dim=_DIM, layers=2, fanout=(4, 3), dropout=0.0)
        dims = {"text": _TEXT_DIM, "graph": _DIM}
        config = {
            "fusion": asdict(fusion),
            "graph": asdict(graph),
            "feature_dims": dims,
            "predicates": predicates,
        }
        gnn = build_gnn(graph, dims, len(predicates))
        model = FusionModel(build_fusion(fusion, dims), lambda: gnn, config, Ranking(), "")
        names = model.save_parts(folder)
        text = ingest.current_spaces(self.tools, self.workspace_id)["text"]
        write_manifest(
            folder,
            {
                "files": {name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in names},
                "ranking": asdict(Ranking()),
                "encoders": {"text": {"spec": None, "fingerprint": text.stamp, "dim": _TEXT_DIM}},
                "fusion": {"fingerprint": model.fingerprint, "dim": _DIM},
            },
        )

    def live(self) -> dict[int, str]:
        """Key by id of what was acknowledged and not deleted."""
        with self.catalog.read() as session:
            alive = select(Entity.id, Entity.key).where(Entity.deleted_at.is_(None))
            return {int(one): str(key) for one, key in session.execute(alive)}

    def active(self) -> Release:
        """The release that answers."""
        with self.catalog.read() as session:
            active = session.get_one(Workspace, self.workspace_id).active_release_id
            return session.get_one(Release, active)

    def differences(self, release: Release) -> dict[str, int]:
        """How far a release is from what is acknowledged: `lost`, `phantom` and `stale` entities."""
        with self.catalog.read() as session:
            space_id = session.scalars(
                select(ReleaseSpace.space_id).where(
                    ReleaseSpace.release_id == release.id, ReleaseSpace.kind == "fused"
                )
            ).one()
        ids, held = SpaceReader(self.catalog, self.settings.spaces_dir, space_id).all()
        live = np.array(sorted(self.live()))
        right, vectors = ingest.fuse_entities(self.tools, release, live)
        both, at, there = np.intersect1d(ids, right, return_indices=True)
        stale = (np.abs(held[at] - vectors[there]) > 3e-3).any(axis=1)
        return {
            "lost": len(right) - len(both),
            "phantom": len(ids) - len(both),
            "stale": int(stale.sum()),
        }

    def close(self) -> None:
        """Give the catalog back."""
        self._presence.leave()
        self.catalog.close()
