"""What a merge keeps is kept whole, and is gone when it shall be: doctor, forgetting, backups, PostgreSQL."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import func, select
from tests.integration.ingest.conftest import Home
from tests.integration.ingest.test_forget import traces
from tests.integration.ingest.test_units import manifest, png

from chiasm import ingest
from chiasm.archive import backup, restore
from chiasm.catalog.models import EntityMerge, Fingerprint, MergePart
from chiasm.client.embedded import OpenHome
from chiasm.releases import forget
from chiasm.releases.forget import submit as forget_submit
from chiasm.settings import load_settings
from chiasm.upkeep import examine

from .conftest import content, find, merge, unmerge
from .test_find import keyed, write
from .test_merge import FOURTH, LEFT, RIGHT, THIRD

MARK = "zyxWVUmarker"


@pytest.fixture
def filled(home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    monkeypatch.setattr(forget_submit, "wake", lambda *arguments: None)
    right = {**RIGHT, "key": f"right-{MARK}", "text": ["eats", f"lives at {MARK}"]}
    third = {**THIRD, "relations": [{"predicate": "knows", "object": right["key"]}]}
    left = {**LEFT, "relations": [{"predicate": "near", "object": right["key"]}]}
    path = manifest(tmp_path / "data", left, right, third, {**FOURTH, "relations": []})
    (tmp_path / "data/shared.png").write_bytes(png())
    (tmp_path / "data/own.png").write_bytes(png("blue"))
    home.ingest(path)
    return home


def right() -> str:
    return f"right-{MARK}"


def problems(home: Home) -> list[str]:
    opened = OpenHome(home.settings)
    report = examine(opened, full=True, grace_s=0)
    opened.close()
    return [f"{one.check}: {one.what}" for one in report.findings if one.level != "ok"]


def test_doctor_finds_nothing_at_any_time(filled: Home) -> None:
    home = filled
    assert problems(home) == []
    find(home, min_confidence=0.1)
    merge(home, "left", right())
    assert problems(home) == []
    # The only one that had it is the merged one: its blob is not for collection.
    ingest.delete_asset(home.catalog, home.workspace_id, _image(home, "left", 1))
    home.work()
    opened = OpenHome(home.settings)
    examine(opened, repair=True, grace_s=0)
    opened.close()
    unmerge(home, right())
    assert problems(home) == []
    assert sum(one[0] == "image" for one in content(home)[right()]["assets"]) == 2


def _image(home: Home, key: str, position: int) -> int:
    from chiasm.client.embedded.entities import read_entity

    with home.catalog.read() as session:
        images = read_entity(session, home.workspace_id, key)["image"]
        return int(images[position]["id"])


@pytest.mark.parametrize("named", ["left", right()])
def test_forgetting_takes_what_was_merged(filled: Home, named: str) -> None:
    home = filled
    before = content(home)
    find(home, min_confidence=0.1)
    merge(home, "left", right())
    asked = forget.submit_forget(home.settings, home.catalog, home.workspace_id, [named])
    home.work()
    home.result(asked.job_id)
    receipt = forget.read_receipt(home.catalog, home.workspace_id, asked.receipt_id)
    assert traces(home, MARK.encode()) == []
    assert len(receipt["entities"]) == (2 if named == "left" else 1)
    with home.catalog.read() as session:
        for model in (EntityMerge, MergePart):
            assert session.scalar(select(func.count()).select_from(model)) == 0
        # The shared picture is left's still, unless that is gone too; the blue one is fourth's.
        kept = set(session.scalars(select(Fingerprint.sha256)))
    now = content(home)
    if named == "left":
        assert "left" not in now
    else:
        assert now["left"]["assets"] == before["left"]["assets"] and now["left"]["said"] == []
    assert now["fourth"]["assets"] == before["fourth"]["assets"]
    assert kept == set() and problems(home) == []


def test_of_a_chain_only_what_is_named_goes(filled: Home) -> None:
    home = filled
    merge(home, "fourth", right())
    merge(home, "left", "fourth")
    forget.submit_forget(home.settings, home.catalog, home.workspace_id, [right()])
    home.work()
    assert traces(home, MARK.encode()) == []
    now = content(home)
    assert now["fourth"]["gone"] and now["left"]["attributes"]["age"] == 7
    unmerge(home, "fourth")
    assert content(home)["fourth"]["attributes"] == FOURTH["attributes"]


def test_a_backup_holds_it(filled: Home, tmp_path: Path) -> None:
    home = filled
    before = content(home)
    find(home, min_confidence=0.1)
    merge(home, "left", right())
    backup(home.settings, home.catalog, tmp_path / "b.tar")
    other = load_settings(tmp_path / "other")
    restore(tmp_path / "b.tar", other)
    again = Home(home.settings.model_copy(update={"home": other.home}), [])
    unmerge(again, right())
    assert content(again) == before
    again.catalog.close()


@pytest.mark.slow
def test_on_postgresql(home: Home, tmp_path: Path, postgres_url: str) -> None:
    settings = home.settings.model_copy(
        update={"home": tmp_path / "server-home", "database_url": postgres_url, "broker_url": "memory://"}
    )
    on_server = Home(settings, home.given)
    on_server.ingest(write(tmp_path / "data"))
    found = keyed(find(on_server, min_confidence=0.6))
    assert len(found) == 4 and keyed(find(on_server, min_confidence=0.6)).keys() == found.keys()
    on_server.ingest(manifest(tmp_path / "more", LEFT, RIGHT, THIRD, FOURTH))
    before = content(on_server)
    merge(on_server, "left", "right", "fourth")
    on_server.ingest(manifest(tmp_path / "more", {"key": "right", "text": ["new"]}, name="again.jsonl"))
    unmerge(on_server, "right")
    unmerge(on_server, "fourth")
    after = content(on_server)
    for key in ("right", "third", "fourth"):
        assert after[key] == before[key]
    on_server.catalog.close()
