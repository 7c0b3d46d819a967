"""A release answers at once: vectors of the one before stand in, mapped, until its own are made."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from sqlalchemy import select

from chiasm import ingest, jobs
from chiasm.catalog.models import Embedding, Release, ReleaseSpace, WorkUnit
from chiasm.client.embedded import OpenHome
from chiasm.jobs import Heart, WorkContext
from chiasm.releases import mapping, promote, rollback, show_release, submit_evaluate
from chiasm.releases.build import build_unit
from chiasm.releases.bundles import export_release, import_release
from chiasm.releases.fill import fill_mapped
from chiasm.releases.remake import remake_kept
from chiasm.search import Part, Query
from chiasm.upkeep import examine
from chiasm_encoders import register_encoder
from chiasm_workers.handlers import find_handler

from .conftest import DIM, Home, WordsEncoder, thing

pytestmark = pytest.mark.timeout(300)
COUNT = 150
_TURN = np.linalg.qr(np.random.default_rng(3).normal(size=(DIM, DIM)))[0]


@dataclass(frozen=True)
class TurnedEncoder(WordsEncoder):
    """The same, seen from elsewhere: what another model is to the first one at its best."""

    fingerprint: str = "words-of-a-test-turned"

    def encode(self, batch: Sequence[Any]) -> np.ndarray:
        return (super().encode(batch) @ _TURN).astype(np.float32)


def step(home: Home, kind: str) -> None:
    """One unit of the training lane, which must be of this kind."""
    (claim,) = jobs.claim(home.catalog, ["train"], "test")[:1]
    assert claim.kind == kind
    with Heart(home.catalog, claim, lambda: False) as heart:
        find_handler(kind)(WorkContext(home.tools, claim, heart), claim)


def stands_in(home: Home, name: str) -> dict[str, int]:
    spaces = show_release(home.catalog, home.workspace_id, name).spaces
    return {kind: space["mapped"] for kind, space in spaces.items() if space["mapped"]}


def ask(home: Home, text: str) -> Any:
    opened = OpenHome(home.settings)
    try:
        return opened.searcher().search(home.workspace_id, Query((Part("text", text),), k=5))
    finally:
        opened.close()


@pytest.fixture(scope="module")
def home(made: Home) -> Home:
    register_encoder("test-turned", lambda name, device: TurnedEncoder())
    made.settings = made.settings.model_copy(update={"bundle_key": "k" * 40})
    made.tools.settings = made.settings
    made.ingest(*(thing(n) for n in range(COUNT)))
    # There is nothing yet that could stand in.
    assert made.train(at_once=True)["state"] == "active"
    assert stands_in(made, "r1") == {}
    return made


def test_a_trained_release_answers_before_its_vectors_are_made(home: Home) -> None:
    home.train(seed=1, overrides={"fusion.dim": "24"}, promote="force", at_once=True, work=False)
    step(home, "train")
    step(home, "build")
    release = home.release()
    assert release.name == "r2"
    told = release.gate["mapped"]["fused"]
    assert told["kept"] >= 0.4 and told["cosine"] > 0.7 and told["mapped"] == stands_in(home, "r2")["fused"]
    shown = show_release(home.catalog, home.workspace_id, "r2")
    assert 0 < shown.made_share < 1
    # All that is acknowledged is found, by the new release alone.
    assert home.held(release).keys() == set(home.live().values())
    assert ask(home, "piece7 clay mask").release == "r2"
    assert not [one for one in examine(home.tools).findings if one.level == "problem"]
    # What comes, changes and goes meanwhile is made by the new model.
    before = stands_in(home, "r2")["fused"]
    ingest.delete_entity(home.catalog, home.workspace_id, "obj:2")
    # Of the same material: what stands around is refreshed.
    home.ingest(thing(500), thing(3, "seen again"))
    assert stands_in(home, "r2")["fused"] < before
    step(home, "remake")
    assert stands_in(home, "r2") == {}
    assert show_release(home.catalog, home.workspace_id, "r2").made_share == 1
    home.assert_current(home.release("r2"))


def test_an_imported_release_has_all_spaces_mapped(home: Home, tmp_path: Any) -> None:
    """Its text encoder is another: texts, too, stand in, and what is fused from them is not taken for made."""
    home.train(seed=2, overrides={"encoders.text": "test-turned:text"}, promote=False)
    export_release(home.settings, home.catalog, home.workspace_id, "r3", tmp_path / "r3.chiasm")
    with home.catalog.write() as session:
        # As in a home that has never seen this encoder.
        spaces = select(ReleaseSpace.space_id).join(Release).where(Release.number == 3)
        for row in session.scalars(select(Embedding).where(Embedding.space_id.in_(spaces))):
            session.delete(row)
    job = import_release(home.settings, home.catalog, home.workspace_id, tmp_path / "r3.chiasm", at_once=True)
    step(home, "build")
    assert home.result(job)["state"] == "candidate"
    before = stands_in(home, "r4")
    assert before.keys() == {"text", "fused"}
    # Who judges it makes what its models have to say first.
    submit_evaluate(home.settings, home.catalog, home.workspace_id, release="r4")
    step(home, "evaluate")
    assert stands_in(home, "r4").keys() == {"fused"}
    with home.catalog.write() as session:
        # As before, for what follows.
        text = (
            select(ReleaseSpace.space_id)
            .join(Release)
            .where(Release.number == 4, ReleaseSpace.kind == "text")
        )
        for row in session.scalars(select(Embedding).where(Embedding.space_id.in_(text)).limit(40)):
            row.mapped = True
    promote(home.catalog, home.workspace_id, "r4")
    found = ask(home, "piece9 wood lamp")
    assert found.release == "r4" and "obj:9" in [hit.key for hit in found.hits]
    home.ingest(thing(501))
    with home.catalog.read() as session:
        fused = (
            select(ReleaseSpace.space_id)
            .join(Release)
            .where(Release.number == 4, ReleaseSpace.kind == "fused")
        )
        newest = max(one for one, key in home.live().items() if key == "obj:501")
        row = session.scalars(
            select(Embedding).where(Embedding.space_id.in_(fused), Embedding.item_id == newest)
        ).one()
        assert row.mapped is True
    # A way back while it is being made, and on again.
    rollback(home.catalog, home.workspace_id)
    home.work()
    promote(home.catalog, home.workspace_id, "r4")
    with home.catalog.read() as session:
        open_units = session.scalars(
            select(WorkUnit).where(WorkUnit.kind == "remake", WorkUnit.state == "ready")
        )
        assert len(open_units.all()) == 1
    home.work(["train", "ingest"])
    assert stands_in(home, "r4") == {}
    home.assert_current(home.release("r4"))


def test_a_job_that_was_cancelled_is_asked_for_again(home: Home) -> None:
    assert remake_kept(home.settings, home.catalog) == 0
    release = home.release()
    with home.catalog.write() as session:
        fused = select(ReleaseSpace.space_id).where(
            ReleaseSpace.release_id == release.id, ReleaseSpace.kind == "fused"
        )
        for row in session.scalars(select(Embedding).where(Embedding.space_id.in_(fused)).limit(5)):
            row.mapped = True
        for unit in session.scalars(select(WorkUnit).where(WorkUnit.kind == "remake")):
            unit.finished_at = 1.0
    assert remake_kept(home.settings, home.catalog) == 1
    assert home.work(["train"])["remake"] == 1
    assert stands_in(home, release.name) == {}


def test_a_build_that_broke_off_goes_on(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    home.train(seed=5, promote="force", at_once=True, work=False)
    step(home, "train")
    (claim,) = jobs.claim(home.catalog, ["train"], "test")

    def broken(ctx: WorkContext, claim: Any, space: Any, *rest: Any) -> int:
        fill_mapped(ctx, claim, space, *rest)
        raise OSError("no space left on device")

    with Heart(home.catalog, claim, lambda: False) as heart:
        context = WorkContext(home.tools, claim, heart)
        with monkeypatch.context() as patch:
            patch.setattr(mapping, "fill_mapped", broken)
            with pytest.raises(OSError, match="no space"):
                build_unit(context, claim)
        before = home.release().name
        build_unit(context, claim)
    release = home.release()
    assert release.name != before and stands_in(home, release.name)["fused"] > 0
    home.work(["train", "ingest"])
    home.assert_current(release)


def test_what_keeps_no_neighbours_does_not_stand_in(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mapping, "_MUST_KEEP", 1.1)
    home.train(seed=6, promote="force", at_once=True, work=False)
    step(home, "train")
    step(home, "build")
    release = home.release()
    assert "mapped" not in release.gate and stands_in(home, release.name) == {}
    home.assert_current(release)
