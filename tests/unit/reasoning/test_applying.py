"""What rules say, written and taken back: in Python, from the shell and over HTTP."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi.testclient import TestClient
from sqlalchemy import delete, select, update
from tests.homes import opened_home

from chiasm.api import create_app
from chiasm.catalog.models import Change, Entity, Predicate, Triple, Workspace
from chiasm.cli import main
from chiasm.client import KnowledgeBase
from chiasm.client.embedded import EmbeddedBackend, OpenHome
from chiasm.client.remote import HttpBackend
from chiasm.errors import NotFoundError, SettingsError, UsageError
from chiasm.settings import load_settings

from .test_reasoning import RULE, fill

OWN = f"{RULE} @ 0.9"
ASKED: dict[str, Any] = {"rules": OWN, "min_confidence": 0.85, "constants": False, "length": 1}
#: Those who are born in a land's city and not stated to be its citizens, and the one whom a rule knew before.
DERIVED = {
    ("person:16", "citizen_of", "land:1"),
    ("person:17", "citizen_of", "land:0"),
    ("person:18", "citizen_of", "land:1"),
    ("person:19", "citizen_of", "land:0"),
}


@pytest.fixture
def home(tmp_path: Path) -> Iterator[OpenHome]:
    with opened_home(tmp_path, fill) as opened:
        yield opened


@pytest.fixture
def kb(home: OpenHome) -> KnowledgeBase:
    return KnowledgeBase(EmbeddedBackend(home))


def derived(kb: KnowledgeBase) -> dict[tuple[str, str, str], float]:
    return {
        (row["subject"], row["predicate"], row["object"]): row["confidence"]
        for row in kb.graph
        if row["origin"] == "rule"
    }


def stated(kb: KnowledgeBase) -> set[tuple[str, str, str]]:
    return {(r["subject"], r["predicate"], r["object"]) for r in kb.graph if r["origin"] != "rule"}


def test_apply_replaces_the_set_and_withdraw_takes_it_out(kb: KnowledgeBase) -> None:
    before, old = stated(kb), derived(kb)
    dry = kb.graph.apply_rules(**ASKED, dry_run=True)
    assert (dry["added"], dry["removed"], dry["changed"], dry["unchanged"]) == (3, 0, 1, 0)
    assert dry["dry_run"] and derived(kb) == old and dry["job"] is None
    done = kb.graph.apply_rules(**ASKED)
    assert {**done, "dry_run": True, "seconds": 0} == {**dry, "seconds": 0}
    assert derived(kb) == dict.fromkeys(DERIVED, 0.9) and stated(kb) == before
    assert done["rules"] == 1 and done["triples"] == 4 and done["by_relation"] == {"citizen_of": 4}
    [*_, example] = done["examples"]
    assert example["rule"] == RULE and example["confidence"] == 0.9
    again = kb.graph.apply_rules(**ASKED)
    assert (again["added"], again["removed"], again["changed"], again["unchanged"]) == (0, 0, 0, 4)
    # Another rule, another set.
    other = kb.graph.apply_rules(**{**ASKED, "rules": "born_in(X, Y) => citizen_of(X, Y) @ 0.9"})
    assert (other["added"], other["removed"]) == (20, 4)
    assert kb.graph.withdraw_rules(dry_run=True)["removed"] == 20 and len(derived(kb)) == 20
    assert kb.graph.withdraw_rules() == {"dry_run": False, "removed": 20, "job": None}
    assert derived(kb) == {} and stated(kb) == before


def test_mined_rules_carry_the_confidence_that_predictions_rank_by(kb: KnowledgeBase) -> None:
    done = kb.graph.apply_rules(min_confidence=0.8, length=2, constants=False)
    assert set(derived(kb)) >= DERIVED
    # 16 of 20, and five that nobody has seen.
    assert derived(kb)["person:16", "citizen_of", "land:1"] == pytest.approx(16 / 25)
    assert done["rules"] >= 1
    assert kb.graph.apply_rules(min_confidence=1.0, length=2, constants=False)["removed"] >= 1
    assert ("person:16", "citizen_of", "land:1") not in derived(kb)


def test_one_relation_alone(kb: KnowledgeBase) -> None:
    rules = f"{OWN}\ncitizen_of(X, Y) => lives_with(X, Y)".replace("lives_with", "born_in")
    kb.graph.apply_rules(**{**ASKED, "rules": rules})
    assert {name for _, name, _ in derived(kb)} == {"citizen_of", "born_in"}
    kb.graph.withdraw_rules("born_in")
    assert {name for _, name, _ in derived(kb)} == {"citizen_of"}
    done = kb.graph.apply_rules("born_in", **{**ASKED, "rules": rules})
    assert done["by_relation"] == {"born_in": 16} and len(derived(kb)) == 20
    for wrong in (kb.graph.withdraw_rules, kb.graph.apply_rules):
        with pytest.raises(NotFoundError, match="citizn"):
            wrong("citizn_of")


def test_derived_ones_are_derived_from_what_is_stated_alone(kb: KnowledgeBase, home: OpenHome) -> None:
    kb.graph.apply_rules(**ASKED)
    before = kb.graph.rules(constants=False)
    # Rules are not mined from what rules said.
    assert before["rules"][0]["rule"] == RULE and before["rules"][0]["confidence"] == 0.8
    # What it rested on is gone: the next application takes it out.
    with home.catalog.write() as session:
        city = select(Entity.id).where(Entity.key == "person:16").scalar_subquery()
        born = select(Predicate.id).where(Predicate.name == "born_in").scalar_subquery()
        gone = delete(Triple).where(Triple.subject_id == city, Triple.predicate_id == born)
        session.execute(gone, execution_options={"synchronize_session": False})
        home.catalog.bump_revision(session, 1)
    assert ("person:16", "citizen_of", "land:1") in derived(kb)
    assert kb.graph.apply_rules(**ASKED)["removed"] == 1
    assert set(derived(kb)) == DERIVED - {("person:16", "citizen_of", "land:1")}


def test_search_paths_and_questions_leave_them_out_unless_told(kb: KnowledgeBase, home: OpenHome) -> None:
    kb.graph.apply_rules(**ASKED)
    settings = load_settings(home.settings.home, graph_origins="stated, table rule")
    assert settings.graph_origins == ("stated", "table", "rule")
    told = OpenHome(settings)
    wide = KnowledgeBase(EmbeddedBackend(told))
    assert kb.graph.paths("person:16", "land:1", max_hops=1) == []
    assert wide.graph.paths("person:16", "land:1", max_hops=1) == [["person:16", "citizen_of", "land:1"]]
    narrow_state = home.searcher().state(1)
    wide_state = told.searcher().state(1)
    assert len(wide_state.replica.graph) == len(narrow_state.replica.graph) + 4
    # Rules stay rules about what is stated.
    assert wide.graph.rules(constants=False)["rules"] == kb.graph.rules(constants=False)["rules"]
    # A replica follows when one is stated, and when one is taken out.
    with home.catalog.write() as session:
        mine = (Triple.confidence == 0.9) & (
            Triple.subject_id == select(Entity.id).where(Entity.key == "person:16").scalar_subquery()
        )
        session.execute(update(Triple).where(mine).values(origin="stated"))
        home.catalog.bump_revision(session, 1)
        assert session.scalar(select(Change.id).where(Change.kind == "triple")) is not None
    assert len(home.searcher().state(1).replica.graph) == len(narrow_state.replica.graph) + 1
    kb.graph.withdraw_rules()
    assert len(told.searcher().state(1).replica.graph) == len(narrow_state.replica.graph) + 1
    told.close()
    with pytest.raises(SettingsError, match="guessed"):
        load_settings(home.settings.home, graph_origins="guessed")


def test_deleted_entities_and_later_statements_stay_as_they_are(kb: KnowledgeBase, home: OpenHome) -> None:
    kb.graph.apply_rules(**ASKED)
    kb.delete("person:18")
    assert ("person:18", "citizen_of", "land:1") not in derived(kb)
    kb.graph.apply_rules(**ASKED)
    assert set(derived(kb)) == DERIVED - {("person:18", "citizen_of", "land:1")}
    record = {
        "key": "person:16",
        "domain": "people",
        "title": "somebody",
        "relations": [{"predicate": "citizen_of", "object": "land:1"}],
    }
    kb.ingest([record]).wait()
    # Stated now: it is not a rule's to take out.
    kb.graph.withdraw_rules()
    assert derived(kb) == {} and ("person:16", "citizen_of", "land:1") in stated(kb)
    assert kb.graph.apply_rules(**ASKED)["triples"] == 2
    kb.ingest([{**record, "relations": []}]).wait()
    assert ("person:16", "citizen_of", "land:1") not in stated(kb) | set(derived(kb))


def test_a_merge_takes_them_out_and_keeps_what_is_stated(kb: KnowledgeBase) -> None:
    kb.graph.apply_rules(**ASKED)
    # What is stated of the one is derived of the other.
    kb.merge("person:16", "person:1")
    assert ("person:16", "citizen_of", "land:1") in stated(kb) and "person:16" not in str(derived(kb))
    kb.graph.withdraw_rules()
    assert ("person:16", "citizen_of", "land:1") in stated(kb)
    kb.unmerge("person:1")
    assert ("person:1", "citizen_of", "land:1") in stated(kb)
    assert ("person:16", "citizen_of", "land:1") not in stated(kb)
    assert kb.graph.apply_rules(**ASKED)["triples"] == 4 and set(derived(kb)) == DERIVED


def run(home: OpenHome, *arguments: str) -> int:
    with pytest.raises(SystemExit) as caught:
        main(["--home", str(home.settings.home), "graph", *arguments])
    return int(caught.value.code or 0)


def test_command_line(
    home: OpenHome, kb: KnowledgeBase, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "own.rules"
    file.write_text(OWN, encoding="utf-8")
    given = ["rules", "--rules", str(file), "--min-confidence", "0.85", "--no-constants", "--length", "1"]
    assert run(home, *given, "--apply", "--dry-run", "--json") == 0
    assert json.loads(capsys.readouterr().out)["added"] == 3 and len(derived(kb)) == 1
    assert run(home, *given, "--apply") == 0
    shown = capsys.readouterr()
    assert "person:16" in shown.out and "added 3" in shown.err and set(derived(kb)) == DERIVED
    assert run(home, "show", "person:16") == 0
    assert "rule 0.90" in capsys.readouterr().out
    # What can be derived again is written only where it is asked for, and then with its origin.
    for name in ("out.tsv", "out.graphml", "out.json"):
        assert run(home, "export", str(tmp_path / name)) == 0
        assert '"rule"' not in (tmp_path / name).read_text() and ">rule<" not in (tmp_path / name).read_text()
    assert "person:16\tcitizen_of" not in (tmp_path / "out.tsv").read_text()
    assert run(home, "export", str(tmp_path / "all.tsv"), "--derived") == 0
    whole = (tmp_path / "all.tsv").read_text()
    assert "person:16\tcitizen_of" in whole and "\trule" in whole
    capsys.readouterr()
    assert run(home, "rules", "--withdraw") == 0
    assert "removed 4" in capsys.readouterr().out and derived(kb) == {}
    for wrong in (["--apply", "--withdraw"], ["--dry-run"]):
        assert run(home, "rules", *wrong) == 2
        assert "--withdraw" in capsys.readouterr().err


def test_http_and_remote_client(home: OpenHome, kb: KnowledgeBase, monkeypatch: pytest.MonkeyPatch) -> None:
    application = create_app(home.settings)
    with TestClient(application, base_url="http://127.0.0.1:8000", raise_server_exceptions=False) as client:
        dry = client.post("/v1/graph/rules/apply", json={**ASKED, "dry_run": True})
        assert dry.status_code == 200 and dry.json()["added"] == 3
        assert client.post("/v1/graph/rules/apply", json={"max_triples": 0}).status_code == 422
        assert client.post("/v1/graph/rules/apply", json={"colour": 1}).status_code == 422
        monkeypatch.setattr(httpx, "Client", lambda **given: client)
        remote = KnowledgeBase(HttpBackend("http://127.0.0.1:8000"))
        assert remote.graph.apply_rules(**ASKED)["added"] == 3 and set(derived(remote)) == DERIVED
        assert remote.graph.withdraw_rules("citizen_of", dry_run=True)["removed"] == 4
        assert remote.graph.withdraw_rules("citizen_of")["removed"] == 4 and derived(kb) == {}
        with pytest.raises(UsageError, match="max_triples"):
            remote.graph.apply_rules(max_triples=0)


def test_an_entity_of_any_key_is_found(home: OpenHome, kb: KnowledgeBase) -> None:
    with home.catalog.write() as session:
        for key in ("rules", "predict", "link", "trees", "check", "trees/walk"):
            session.add(Entity(workspace_id=1, key=key, title=key, attributes={}))
        session.execute(update(Workspace).values(revision=Workspace.revision + 1))
    application = create_app(home.settings)
    with TestClient(application, base_url="http://127.0.0.1:8000", raise_server_exceptions=False) as client:
        for key in ("rules", "predict", "link", "trees", "check", "trees/walk", "person:1"):
            assert client.get("/v1/graph", params={"key": key}).json()["key"] == key
