"""Two at the same rows at the same moment, on PostgreSQL: neither undoes what the other has done."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sqlalchemy import exists, func, select, text
from tests.places import on

from chiasm import ingest, jobs
from chiasm.catalog.models import Asset, Embedding, Segment, Space
from chiasm.duplicates import merge_entities
from chiasm.ingest import clear
from chiasm.spaces import compact, write_segment
from chiasm.spaces.purge import purge_dead

from .conftest import HANDLERS, Home
from .test_units import manifest

pytestmark = on("postgresql")


def ghosts(home: Home) -> int:
    """Vectors of assets that are gone."""
    with home.catalog.read() as session:
        lost = ~exists().where(Asset.id == Embedding.item_id)
        return session.scalar(select(func.count()).select_from(Embedding).where(lost)) or 0


def somebody_waits(home: Home) -> bool:
    with home.catalog.read() as session:
        waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
        return bool(session.scalar(text(waiting)))


@contextmanager
def beside(work: Callable[[], Any]) -> Iterator[threading.Thread]:
    """Something that goes on in a thread; what it raises is raised at the end."""
    errors: list[BaseException] = []

    def run() -> None:
        try:
            work()
        except BaseException as error:  # noqa: BLE001 - raised again below
            errors.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    yield thread
    thread.join(30)
    assert not thread.is_alive() and not errors, errors


def until_waiting(home: Home, thread: threading.Thread) -> None:
    """Return when the thread waits for a lock, or is through without one."""
    while thread.is_alive() and not somebody_waits(home):
        thread.join(0.02)


@pytest.fixture
def held(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], tuple[threading.Event, threading.Event]]:
    """Hold whoever calls a function until told to go on."""

    def hold(name: str) -> tuple[threading.Event, threading.Event]:
        inside, go_on = threading.Event(), threading.Event()
        module, _, attribute = name.rpartition(".")
        real = getattr(__import__(module, fromlist=[attribute]), attribute)

        def slowly(*arguments: Any, **options: Any) -> Any:
            if not inside.is_set():
                inside.set()
                assert go_on.wait(20)
            return real(*arguments, **options)

        monkeypatch.setattr(name, slowly)
        return inside, go_on

    return hold


def gone_by_entity(home: Home, tmp_path: Path) -> None:
    ingest.delete_entity(home.catalog, home.workspace_id, "a")


def gone_by_asset(home: Home, tmp_path: Path) -> None:
    with home.catalog.read() as session:
        asset_id = session.scalars(
            select(Asset.id).where(Asset.value == "dog").order_by(Asset.id).limit(1)
        ).one()
    ingest.delete_asset(home.catalog, home.workspace_id, asset_id)


def gone_by_record(home: Home, tmp_path: Path) -> None:
    path = manifest(tmp_path / "later", {"key": "a", "title": "dog", "text": []})
    ingest.submit_ingest(home.settings, home.catalog, home.workspace_id, path)
    [claim] = jobs.claim(home.catalog, ["ingest"], "other")
    ingest.read_unit(
        jobs.WorkContext(home.tools, claim, jobs.Heart(home.catalog, claim, lambda: False)), claim
    )


def gone_by_clearing(home: Home, tmp_path: Path) -> None:
    clear.submit_clear(home.settings, home.catalog, home.workspace_id, None)
    [claim] = jobs.claim(home.catalog, ["ingest"], "other")
    clear.clear_unit(
        jobs.WorkContext(home.tools, claim, jobs.Heart(home.catalog, claim, lambda: False)), claim
    )


def gone_by_merging(home: Home, tmp_path: Path) -> None:
    # Both have the text: the one of "a" is dropped.
    merge_entities(home.catalog, home.workspace_id, "b", ["a"])


@pytest.mark.parametrize(
    "remove", [gone_by_entity, gone_by_asset, gone_by_record, gone_by_clearing, gone_by_merging]
)
def test_what_is_deleted_while_it_is_embedded_leaves_no_vector(
    home: Home,
    tmp_path: Path,
    held: Callable[[str], tuple[threading.Event, threading.Event]],
    remove: Callable[[Home, Path], None],
) -> None:
    path = manifest(
        tmp_path / "d",
        {"key": "a", "title": "dog", "text": ["barks"]},
        {"key": "b", "title": "cat", "text": ["barks", "dog"]},
    )
    ingest.submit_ingest(home.settings, home.catalog, home.workspace_id, path)
    [reading] = jobs.claim(home.catalog, ["ingest"], "test")
    HANDLERS["read"](
        jobs.WorkContext(home.tools, reading, jobs.Heart(home.catalog, reading, lambda: False)), reading
    )
    [claim] = jobs.claim(home.catalog, ["ingest"], "test")
    assert claim.kind == "embed"
    # The vectors are written, the transaction is open.
    inside, go_on = held("chiasm.ingest.embed.finish")
    context = jobs.WorkContext(home.tools, claim, jobs.Heart(home.catalog, claim, lambda: False))
    with beside(lambda: ingest.embed_unit(context, claim)):
        assert inside.wait(20)
        with beside(lambda: remove(home, tmp_path)) as removing:
            until_waiting(home, removing)
            go_on.set()
    assert ghosts(home) == 0
    home.work()
    assert ghosts(home) == 0
    with home.catalog.read() as session:
        texts = session.scalar(select(func.count()).select_from(Asset))
    assert home.embedded()["text"] == texts


def merge_segments(home: Home, space_id: int) -> None:
    assert compact(home.catalog, home.settings.spaces_dir, space_id, min_segments=2) == 4


def purge_segments(home: Home, space_id: int) -> None:
    purge_dead(home.catalog, home.settings.spaces_dir, space_id)


def some_segments(home: Home, tmp_path: Path) -> int:
    """A space of four segments, each with a dead row."""
    for n in range(4):
        lines = [{"key": f"{name}{n}", "title": f"{name} {n}"} for name in "ab"]
        home.ingest(manifest(tmp_path / f"d{n}", *lines))
        home.ingest(manifest(tmp_path / f"e{n}", {"key": f"b{n}", "title": None}))
        ingest.delete_entity(home.catalog, home.workspace_id, f"b{n}")
    with home.catalog.read() as session:
        return session.scalars(select(Space.id).where(Space.kind == "text")).one()


@pytest.mark.parametrize("tidy", [merge_segments, purge_segments])
def test_what_is_deleted_while_segments_are_rewritten_stays_deleted(
    home: Home,
    tmp_path: Path,
    held: Callable[[str], tuple[threading.Event, threading.Event]],
    tidy: Callable[[Home, int], None],
) -> None:
    space_id = some_segments(home, tmp_path)
    inside, go_on = held("chiasm.ingest.delete.near_to")
    with beside(lambda: ingest.delete_entity(home.catalog, home.workspace_id, "a0")):
        assert inside.wait(20)
        with beside(lambda: tidy(home, space_id)) as tidying:
            until_waiting(home, tidying)
            go_on.set()
    assert ghosts(home) == 0 and home.embedded()["text"] == 3


@pytest.mark.parametrize("tidy", [merge_segments, purge_segments])
def test_a_newer_vector_is_not_put_back_by_tidying(
    home: Home, tmp_path: Path, tidy: Callable[[Home, int], None]
) -> None:
    space_id = some_segments(home, tmp_path)
    with home.catalog.read() as session:
        space = session.get_one(Space, space_id)
        asset_id = session.scalars(select(Asset.id).where(Asset.value == "a 0")).one()
    newer = np.eye(1, space.dim, dtype=np.float32)
    pending = write_segment(home.catalog, home.settings.spaces_dir, space_id, np.array([asset_id]), newer)
    committed = threading.Event()

    def write() -> None:
        with home.catalog.write() as session:
            pending.commit(session)
            written.set()
            assert committed.wait(20)

    written = threading.Event()
    with beside(write):
        assert written.wait(20)
        with beside(lambda: tidy(home, space_id)) as tidying:
            until_waiting(home, tidying)
            committed.set()
    with home.catalog.read() as session:
        now = session.scalars(select(Embedding.segment_id).where(Embedding.item_id == asset_id)).one()
        assert now == pending.segment_id and session.get_one(Segment, now).state == "live"
