"""A home after ingest, a whole training, three interrupted ones and a backup: every kind of file is in it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pytest
from tests.conftest import QUICK
from tests.integration.damage.kinds import Place, facts_of

from chiasm import ingest, jobs
from chiasm.archive import backup
from chiasm.catalog import Catalog
from chiasm.catalog.models import Job
from chiasm.catalog.seals import seal_rows
from chiasm.ingest import submit
from chiasm.jobs import Heart, Tools, WorkContext
from chiasm.releases import submit_train
from chiasm.settings import Settings, load_settings
from chiasm.spaces import kinds
from chiasm_encoders.testing.tiny_bert import write_tiny_bert
from chiasm_migrations.upgrade import upgrade_schema
from chiasm_workers.work import work

_SMALL = {
    "fusion.dim": "32",
    "fusion.prefixes": "[8]",
    "fusion.width": "32",
    "fusion.heads": "2",
    "fusion.layers": "1",
    "graph.dim": "32",
    "encoders.text_tuning": "{steps: 4, batch: 8, device: cpu}",
    "encoders.image.student": "{max_steps: 2, epochs: 1, warmup_steps: 1, widths: [16, 32], size: 32}",
    "encoders.audio.student": "{max_steps: 2, epochs: 1, warmup_steps: 1, widths: [16, 32]}",
}


class InterruptibleHeart(Heart):
    """Asks the work to stop once it has come to a stage."""

    stage = ""
    asked = False

    @property
    def must_stop(self) -> bool:
        self.asked |= bool(self.stage) and self._progress.get("stage") == self.stage
        return super().must_stop or self.asked

    def check(self) -> None:
        super().check()
        if self.asked:
            raise jobs.Interrupted("far enough", where=self.stage)


@dataclass
class House:
    """A home and the worker in this process."""

    settings: Settings
    catalog: Catalog
    workspace_id: int

    def work(self, until: str = "") -> None:
        """Work off all units; training is interrupted at a stage, if one is given."""
        tools = Tools(self.settings, self.catalog)
        while claims := jobs.claim(self.catalog, ["ingest", "train"], "test"):
            heart = InterruptibleHeart(self.catalog, claims[0], lambda: False)
            heart.stage = until
            with heart:
                ended = work(WorkContext(tools, claims[0], heart))
            assert ended == ("released" if until else "done")
            if until:
                jobs.cancel(self.catalog, claims[0].job_id)

    def train(self, until: str = "") -> int:
        """The id of the job."""
        job_id = submit_train(self.settings, self.catalog, self.workspace_id, overrides={**QUICK, **_SMALL})
        self.work(until)
        return job_id

    def files(self) -> list[str]:
        """Every file of the home."""
        home = self.settings.home
        return sorted(path.relative_to(home).as_posix() for path in home.rglob("*") if path.is_file())

    def place(self, name: str) -> Place:
        return Place(self.settings, name, self.facts)

    @cached_property
    def facts(self) -> dict[str, str]:
        return facts_of(self.settings.home)

    def job(self, job_id: int) -> Job:
        with self.catalog.read() as session:
            return session.get_one(Job, job_id)


@pytest.fixture(scope="module", autouse=True)
def an_index_each() -> Iterator[None]:
    """Segments of any size have an index, so that there is one to be damaged."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(kinds, "HNSW_ROWS", 1)
        yield


@pytest.fixture(scope="package")
def house(toys: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    encoder = write_tiny_bert(tmp_path_factory.mktemp("encoder"))
    home = tmp_path_factory.mktemp("house") / "home"
    home.mkdir()
    (home / "chiasm.toml").write_text(f'text_encoder = "sentence-transformers:{encoder}"\n')
    settings = load_settings(home)
    with pytest.MonkeyPatch.context() as patch:
        _nobody_wakes(patch)
        catalog = Catalog.open(settings)
        upgrade_schema(catalog.engine)
        house = House(settings, catalog, catalog.workspace_id("default"))
        with pytest.MonkeyPatch.context() as small:
            # It is made before the fixture above begins, and stays for longer.
            small.setattr(kinds, "HNSW_ROWS", 1)
            ingest.submit_ingest(settings, catalog, house.workspace_id, [toys])
            house.work()
            done = house.job(house.train())
        assert done.result["state"] == "active", (done.error, done.result)
        for stage in ("text tuning", "image student", "fusion"):
            house.train(until=stage)
        seal_rows(catalog)
        backup(settings, catalog, settings.home / "backup.tar")
        yield house
        catalog.close()


def _nobody_wakes(patch: pytest.MonkeyPatch) -> None:
    nothing: Any = lambda *arguments, **named: True  # noqa: E731
    for name in ("notify", "ensure_worker"):
        patch.setattr(submit, name, nothing)
    patch.setattr(jobs, "wake", nothing)
