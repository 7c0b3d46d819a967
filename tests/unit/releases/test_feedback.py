from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update

from chiasm.catalog import Catalog
from chiasm.catalog.models import Entity, Evaluation, Feedback, Release, Workspace
from chiasm.errors import NotFoundError, UsageError
from chiasm.jobs.live_metrics import METRICS, read_metric
from chiasm.releases.feedback import accept_rate, give_feedback, list_feedback
from chiasm_migrations.upgrade import upgrade_schema


@pytest.fixture
def catalog(tmp_path: Path) -> Catalog:
    catalog = Catalog(f"sqlite:///{tmp_path / 'catalog.sqlite'}")
    upgrade_schema(catalog.engine)
    return catalog


@pytest.fixture
def workspace(catalog: Catalog) -> int:
    workspace = catalog.workspace_id("default")
    with catalog.write() as session:
        session.add_all(Entity(workspace_id=workspace, key=f"e{n}") for n in range(30))
    return workspace


def _active(catalog: Catalog, workspace: int, number: int) -> int:
    with catalog.write() as session:
        row = Release(workspace_id=workspace, number=number, state="active", recipe={}, metrics={}, gate={})
        session.add(row)
        session.flush()
        session.execute(update(Workspace).values(active_release_id=row.id))
        return row.id


def _said(catalog: Catalog, workspace: int, **asked: Any) -> list[tuple[str, str, str, str | None]]:
    with catalog.read() as session:
        page = list_feedback(session, workspace, **asked)
    assert page["next_cursor"] is None
    return [(row["query"], row["key"], row["verdict"], row["release"]) for row in page["feedback"]]


def test_it_is_said_once_and_may_be_said_otherwise(catalog: Catalog, workspace: int) -> None:
    told = give_feedback(catalog, workspace, " a  bell\n", accepted=["e1", "e2", "e1"], rejected=["e3"])
    assert told == {"release": None, "stored": 3, "changed": 0}
    again = give_feedback(catalog, workspace, "A bell", accepted=["e1"], rejected=["e2"])
    assert again == {"release": None, "stored": 0, "changed": 1}
    assert _said(catalog, workspace) == [
        ("a bell", "e1", "accepted", None),
        ("a bell", "e2", "rejected", None),
        ("a bell", "e3", "rejected", None),
    ]
    # Of another release's answer it is another word.
    _active(catalog, workspace, 1)
    assert give_feedback(catalog, workspace, "a bell", accepted=["e1"])["release"] == "r1"
    assert _said(catalog, workspace, release="r1") == [("a bell", "e1", "accepted", "r1")]
    assert len(_said(catalog, workspace, verdict="accepted")) == 2


@pytest.mark.parametrize(
    ("query", "options", "error", "words"),
    [
        (" ", {"accepted": ["e1"]}, UsageError, "empty query"),
        ("x" * 2001, {"accepted": ["e1"]}, UsageError, "2001 characters"),
        ("x", {}, UsageError, "0 verdicts"),
        ("x", {"accepted": ["e1"] * 201}, UsageError, "201 verdicts"),
        ("x", {"accepted": ["e1"], "rejected": ["e1"]}, UsageError, "at once"),
        ("x", {"accepted": ["e1", "nobody"]}, NotFoundError, "no such entity"),
        ("x", {"accepted": ["e1"], "release": "r9"}, NotFoundError, "r9"),
    ],
)
def test_what_cannot_be_kept_is_refused_whole(
    catalog: Catalog, workspace: int, query: str, options: dict[str, Any], error: type[Exception], words: str
) -> None:
    with pytest.raises(error, match=words):
        give_feedback(catalog, workspace, query, **options)
    assert _said(catalog, workspace) == []


def test_a_workspace_sees_its_own(catalog: Catalog, workspace: int) -> None:
    other = catalog.workspace_id("other")
    give_feedback(catalog, workspace, "x", accepted=["e1"])
    assert _said(catalog, other) == []
    with pytest.raises(NotFoundError):
        give_feedback(catalog, other, "x", accepted=["e1"])


def test_pages(catalog: Catalog, workspace: int) -> None:
    give_feedback(catalog, workspace, "x", accepted=[f"e{n}" for n in range(5)])
    seen, cursor = [], 0
    while cursor is not None:
        with catalog.read() as session:
            page = list_feedback(session, workspace, cursor=cursor, limit=2)
        seen += [row["key"] for row in page["feedback"]]
        cursor = page["next_cursor"]
    assert seen == [f"e{n}" for n in range(5)]


def test_the_rate_is_of_one_release_since_a_time(catalog: Catalog, workspace: int) -> None:
    first = _active(catalog, workspace, 1)
    give_feedback(
        catalog,
        workspace,
        "x",
        accepted=[f"e{n}" for n in range(15)],
        rejected=[f"e{n}" for n in range(15, 19)],
    )
    with catalog.read() as session:
        assert accept_rate(session, first, 0.0) is None
        assert accept_rate(session, first, 0.0, at_least=19) == pytest.approx(15 / 19)
    give_feedback(catalog, workspace, "x", rejected=["e29"])
    with catalog.write() as session:
        assert accept_rate(session, first, 0.0) == 0.75
        assert read_metric(session, workspace, "accept_rate", 0.0) == 0.75
        assert accept_rate(session, first, time.time() + 60) is None
        session.execute(update(Feedback).where(Feedback.verdict == "rejected").values(updated_at=100.0))
        assert accept_rate(session, first, 200.0, at_least=1) == 1.0
    second = _active(catalog, workspace, 2)
    with catalog.read() as session:
        assert accept_rate(session, second, 0.0, at_least=0) is None


def test_figures_of_reports_are_weighted_by_queries(catalog: Catalog, workspace: int) -> None:
    with catalog.read() as session:
        assert {read_metric(session, workspace, name, 0.0) for name in METRICS} == {None}
    release = _active(catalog, workspace, 1)
    for at, hit in ((1000.0, 0.9), (2000.0, 0.5)):
        rows = [{"n": 30, "hit@10": hit, "mrr": 0.2}, {"n": 10, "hit@10": 0.1, "mrr": 0.6}, {"n": 0}]
        with catalog.write() as session:
            session.add(
                Evaluation(
                    workspace_id=workspace, release_id=release, report={"retrieval": rows}, created_at=at
                )
            )
    with catalog.read() as session:
        assert read_metric(session, workspace, "hit@10", 0.0) == pytest.approx(0.4)
        assert read_metric(session, workspace, "mrr", 0.0) == pytest.approx(0.3)
        assert read_metric(session, workspace, "hit@10", 2000.0) is None
