"""A release on trial: watched after its swap, given a share of the searches, asked in silence; and previewed."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from benchmarks.releasing.made import MadeHome, record
from fastapi.testclient import TestClient
from sqlalchemy import select

import chiasm
from chiasm.api.app import build_app
from chiasm.catalog.models import Job, KeptQuery, Release, ReleaseTrial
from chiasm.cli import main
from chiasm.client.embedded import OpenHome
from chiasm.client.preview_page import preview_page
from chiasm.errors import ChiasmError, ConflictError, DamagedError, NotFoundError, UsageError
from chiasm.releases import promote
from chiasm.releases.counts import Counts
from chiasm.releases.trials import start_trial, stop_trial, trial_reports
from chiasm.releases.verdicts import Limits, judge_trials
from chiasm.search import Part, Query, Searcher
from chiasm.search.state import State

pytestmark = pytest.mark.timeout(600)
COUNT = 80


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MadeHome]:
    home = MadeHome(tmp_path_factory.mktemp("trials"))
    home.ingest(record(n) for n in range(COUNT))
    for seed in (0, 1):
        home.add_release(seed)
        home.work(["train"])
    promote(home.catalog, home.workspace_id, "r1")
    home.work()
    yield home
    home.close()


@pytest.fixture
def opened(made: MadeHome) -> Iterator[OpenHome]:
    """A process that serves the home, r1 active and no trial on."""
    with made.catalog.change(made.workspace_id) as session:
        for trial in session.scalars(select(ReleaseTrial).where(ReleaseTrial.state == "open")):
            trial.state = "ended"
    if made.active().name != "r1":
        promote(made.catalog, made.workspace_id, "r1")
    home = OpenHome(made.settings.model_copy(update={"sampled_queries": 5}))
    yield home
    home.close()


def ask(home: OpenHome, number: int, k: int = 5) -> Any:
    return home.searcher().search(1, Query((Part("entity", f"obj:{number}"),), k=k))


def flush(home: OpenHome) -> None:
    assert home._traffic is not None
    home._traffic.flush()


def test_a_canary_answers_its_share_and_each_query_always_alike(made: MadeHome, opened: OpenHome) -> None:
    start_trial(made.catalog, 1, "r2", kind="canary", share=0.3)
    first = {n: ask(opened, n) for n in range(COUNT)}
    share = Counter(answer.release for answer in first.values())
    assert 0.1 < share["r2"] / COUNT < 0.5
    for n in range(0, COUNT, 7):
        again = ask(opened, n, k=3)
        assert again.release == first[n].release
        alone = opened.searcher().answer_by(1, [again.asked], {"r1": 1, "r2": 2}[again.release])[0]
        assert [(hit.key, hit.score) for hit in alone.hits] == [(hit.key, hit.score) for hit in again.hits]
    with pytest.raises(ConflictError, match="canary is on already"):
        start_trial(made.catalog, 1, "r2", kind="shadow")
    flush(opened)
    done = stop_trial(made.catalog, 1)
    assert done["seen"]["r1"]["searches"] + done["seen"]["r2"]["searches"] >= COUNT
    assert done["result"]["why"] == "stopped"
    assert {ask(opened, n).release for n in range(COUNT)} == {"r1"}
    with pytest.raises(NotFoundError, match="no trial is on"):
        stop_trial(made.catalog, 1)


def test_a_canary_that_fails_is_stopped_and_nobody_notices(
    made: MadeHome, opened: OpenHome, monkeypatch: pytest.MonkeyPatch
) -> None:
    start_trial(made.catalog, 1, "r2", kind="canary", share=0.5)
    right = Searcher.answer_by

    def fails(self: Searcher, workspace_id: int, queries: Any, release_id: int | None) -> Any:
        if release_id == 2:
            raise DamagedError("a file is damaged", where="r2")
        return right(self, workspace_id, queries, release_id)

    monkeypatch.setattr(Searcher, "answer_by", fails)
    assert {ask(opened, n).release for n in range(30)} == {"r1"}
    flush(opened)
    newest = trial_reports(made.catalog, 1)[0]
    assert newest["state"] == "ended" and "a file is damaged" in newest["result"]["why"]


def test_a_shadow_is_asked_and_never_shown(made: MadeHome, opened: OpenHome) -> None:
    start_trial(made.catalog, 1, "r2", kind="shadow")
    for n in range(20):
        assert ask(opened, n).release == "r1"
        time.sleep(0.01)
    until = time.monotonic() + 60
    while (found := trial_reports(made.catalog, 1)[0]["seen"]["r2"]).get("compared", 0) < 5:
        assert time.monotonic() < until, found
        time.sleep(0.1)
        flush(opened)
    assert 0 <= found["in_common"] <= 1 and 0 <= found["same_best"] <= 1
    stop_trial(made.catalog, 1)


def test_a_swap_that_fails_is_rolled_back_by_itself(
    made: MadeHome, opened: OpenHome, monkeypatch: pytest.MonkeyPatch
) -> None:
    for n in range(30):
        ask(opened, n)
    promote(made.catalog, 1, "r2", watch_s=600)
    right = Searcher.answered_from

    def fails(self: Searcher, state: State, queries: Any) -> Any:
        if state.release == "r2":
            raise DamagedError("a file is damaged", where="r2")
        return right(self, state, queries)

    monkeypatch.setattr(Searcher, "answered_from", fails)
    failed = 0
    for n in range(10):
        try:
            ask(opened, n)
        except DamagedError:
            failed += 1
    flush(opened)
    assert failed and made.active().name == "r1"
    with made.catalog.read() as session:
        told = session.scalars(select(Release).where(Release.number == 2)).one().history
    assert "rolled back" in {event["event"] for event in told}
    assert any("a file is damaged" in event["reason"] for event in told)
    assert ask(opened, 1).release == "r1"


def seen(made: MadeHome, ours: Counts, theirs: Counts) -> None:
    """What processes saw of the watch that is on."""
    from chiasm.catalog.models import ReleaseTraffic

    with made.catalog.write() as session:
        trial = session.scalars(select(ReleaseTrial).where(ReleaseTrial.state == "open")).one()
        for release, counts in ((trial.release_id, ours), (trial.against_id, theirs)):
            session.add(
                ReleaseTraffic(trial_id=trial.id, release_id=release, process="p", counts=counts.to_dict())
            )


def times(*ms: float) -> Counts:
    counts = Counts()
    for one in ms:
        counts.took(one)
    return counts


@pytest.mark.parametrize(
    ("ours", "theirs", "accepted", "said"),
    [
        (times(*[5.0] * 40), times(*[1.0] * 40), None, "the median search takes"),
        (times(*[1.2] * 40), times(*[1.0] * 40), None, None),
        (times(*[5.0] * 5), times(*[1.0] * 40), None, None),  # too few to say anything
        (times(*[1.0] * 360, *[9.0] * 40), times(*[1.0] * 400), None, "5 % of the searches"),
        (times(*[1.0] * 40), times(*[1.0] * 40), {2: 0.3, 1: 0.8}, "30% of the judged hits"),
        (times(*[1.0] * 40), times(*[1.0] * 40), {2: 0.7, 1: None}, None),
    ],
)
def test_what_is_worse_is_rolled_back(
    made: MadeHome,
    opened: OpenHome,
    ours: Counts,
    theirs: Counts,
    accepted: dict[int, float | None] | None,
    said: str | None,
) -> None:
    promote(made.catalog, 1, "r2", watch_s=600)
    seen(made, ours, theirs)
    share = (lambda session, release: accepted[release.id]) if accepted else None
    done = judge_trials(made.catalog, share, Limits())
    assert made.active().name == ("r2" if said is None else "r1")
    assert bool(done) is (said is not None)
    assert said is None or said in done[0]


def test_a_watch_ends_by_itself(made: MadeHome, opened: OpenHome) -> None:
    promote(made.catalog, 1, "r2", watch_s=0.01)
    time.sleep(0.05)
    assert judge_trials(made.catalog) == ["r2 stays"]
    assert judge_trials(made.catalog) == []
    assert made.active().name == "r2"


def shell(made: MadeHome, capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[str, str]:
    """What `chiasm releases ...` prints and notes."""
    with pytest.raises(SystemExit) as caught:
        main(["--home", str(made.settings.home), "releases", *arguments])
    out, error = capsys.readouterr()
    assert not caught.value.code, error
    return out, error


def test_preview_side_by_side_on_all_surfaces(
    made: MadeHome, opened: OpenHome, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with chiasm.open(made.settings.home) as kb:
        kb.releases.save_query("a <b>thing</b>", entity="obj:3")
        with pytest.raises(ConflictError, match="of this name"):
            kb.releases.save_query("a <b>thing</b>", text="thing")
        with pytest.raises(UsageError, match="a text or an entity"):
            kb.releases.save_query("both", text="thing", entity="obj:3")
        found = kb.releases.preview("r2", queries=30)
        assert (found["a"], found["b"], found["n"]) == ("r2", "r1", 30)
        assert found["sources"]["saved"] == 1 and 0 < found["churn"]["mean"] <= 1
        assert len(found["changed"]) == 20
        assert found["changed"][0]["churn"] >= found["changed"][-1]["churn"]
        assert sum(row["a"] for row in found["domains"]) == 30 * 10
        page = preview_page({**found, "a": "<script>"})
        assert "<script>" not in page and "&lt;script&gt;" in page and "http" not in page
        card = kb.releases.card("r2")
        assert card.startswith("# Release r2") and "| promoted |" in card and "`hash:text/64`" not in card
    file = tmp_path / "preview.html"
    assert "written to" in shell(made, capsys, "preview", "r2", "--against", "r1", "--html", str(file))[1]
    assert file.read_text().count("<h3>") == 20
    assert json.loads(shell(made, capsys, "preview", "r2", "-k", "3", "--json")[0])["k"] == 3
    assert "r2 against r1" in shell(made, capsys, "preview", "r2", "-k", "3")[0]
    assert "p95 ms" in shell(made, capsys, "trials")[0]
    assert "obj:3" in shell(made, capsys, "queries", "list")[0]
    with TestClient(build_app(made.settings), base_url="http://127.0.0.1") as client:
        answer = client.post("/v1/releases/r2/preview", json={"queries": 5})
        assert answer.status_code == 200 and answer.json()["n"] == 5
        assert client.post("/v1/releases/r1/preview").status_code == 422
        assert client.get("/v1/releases/r2/card").json()["markdown"].startswith("# Release r2")
        assert client.get("/v1/releases/queries").json()["queries"][0]["name"] == "a <b>thing</b>"
        assert client.post("/v1/releases/queries/remove", json={"name": "a <b>thing</b>"}).status_code == 200
        assert client.post("/v1/releases/r2/trial", json={"kind": "shadow", "share": 0.5}).status_code == 200
        assert client.get("/v1/releases/trials").json()["trials"][0]["kind"] == "shadow"
        assert client.post("/v1/releases/trials/stop").json()["state"] == "ended"


def test_recent_queries_are_few_and_of_words_and_entities_only(made: MadeHome, opened: OpenHome) -> None:
    for n in range(20):
        ask(opened, n)
    opened.searcher().search(1, Query((Part("text", "a thing"), Part("text", "not this", -1.0))))
    flush(opened)
    for _ in range(2):
        ask(opened, 3)
        flush(opened)
    with made.catalog.read() as session:
        rows = session.scalars(select(KeptQuery.query).where(KeptQuery.name.is_(None))).all()
        kinds = set(session.scalars(select(Job.kind)))
    assert 0 < len(rows) <= 5 and all(set(row) <= {"text", "entity", "into"} for row in rows)
    assert "follow" in kinds


@pytest.mark.parametrize(
    ("call", "error", "said"),
    [
        (lambda c: start_trial(c, 1, "r2", kind="canary", share=0), UsageError, "share 0"),
        (lambda c: start_trial(c, 1, "r2", kind="other"), UsageError, "unknown trial"),
        (lambda c: start_trial(c, 1, "r1", kind="canary"), ConflictError, "it is active"),
        (lambda c: start_trial(c, 1, "r9", kind="canary"), NotFoundError, "no such release"),
        (lambda c: promote(c, 1, "r2", watch_s=-1), UsageError, "cannot be watched"),
    ],
)
def test_what_cannot_be_asked_for(
    made: MadeHome, opened: OpenHome, call: Any, error: type[ChiasmError], said: str
) -> None:
    with pytest.raises(error, match=said):
        call(made.catalog)
