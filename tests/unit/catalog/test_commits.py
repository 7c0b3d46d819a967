"""Marks of the moment: what was committed shows at once, by whom it was committed shows soon."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from chiasm.catalog import Catalog
from chiasm.catalog.commits import CommitWatch
from chiasm.catalog.models import Base

_OTHER = """
import sys
from chiasm.catalog import Catalog
catalog = Catalog(sys.argv[1])
for line in sys.stdin:
    catalog.workspace_id(line.strip())
    print("done", flush=True)
"""


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'catalog.sqlite'}"


@pytest.fixture
def catalog(url: str) -> Iterator[Catalog]:
    found = Catalog(url)
    Base.metadata.create_all(found.engine)
    yield found
    found.close()


def test_nothing_committed_is_the_same_mark(catalog: Catalog) -> None:
    watch = CommitWatch(catalog)
    mark = watch.mark()
    assert mark is not None
    with catalog.read():
        pass
    time.sleep(0.15)  # beyond the time for which the signal alone is believed
    assert watch.mark() == mark


def test_each_commit_of_this_process_shows_at_once(catalog: Catalog) -> None:
    watch = CommitWatch(catalog)
    marks = [watch.mark()]
    for number in range(20):
        catalog.workspace_id(f"w{number}")
        marks.append(watch.mark())
    assert None not in marks and len(set(marks)) == 21


def test_a_write_that_fails_leaves_no_other_mark(catalog: Catalog) -> None:
    watch = CommitWatch(catalog)
    mark = watch.mark()
    with pytest.raises(RuntimeError), catalog.write():
        raise RuntimeError
    assert watch.mark() == mark


def test_each_commit_of_another_process_shows_as_soon_as_it_says_so(catalog: Catalog, url: str) -> None:
    watch = CommitWatch(catalog)
    other = subprocess.Popen(
        [sys.executable, "-c", _OTHER, url], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert other.stdin is not None and other.stdout is not None
    with other:
        for number in range(50):
            before = watch.mark()
            other.stdin.write(f"w{number}\n")
            other.stdin.flush()
            assert other.stdout.readline() == "done\n"
            assert watch.mark() != before
        other.stdin.close()


def test_who_commits_without_the_signal_is_seen_within_a_tenth_of_a_second(
    catalog: Catalog, tmp_path: Path
) -> None:
    watch = CommitWatch(catalog)
    before = watch.mark()
    with sqlite3.connect(tmp_path / "catalog.sqlite") as raw:
        raw.execute("CREATE TABLE other (a)")
    raw.close()
    time.sleep(0.11)
    assert watch.mark() != before


def test_without_a_file_for_the_signal_each_look_asks_the_database(catalog: Catalog, tmp_path: Path) -> None:
    (tmp_path / "catalog.sqlite-commits").mkdir()
    watch = CommitWatch(catalog)
    before = watch.mark()
    catalog.workspace_id("other")
    assert before is not None
    assert watch.mark() != before


def test_a_signal_that_was_removed_costs_a_tenth_of_a_second_at_most(
    catalog: Catalog, url: str, tmp_path: Path
) -> None:
    catalog.workspace_id("first")
    watch = CommitWatch(catalog)
    before = watch.mark()
    (tmp_path / "catalog.sqlite-commits").unlink()
    late = Catalog(url)
    late.workspace_id("second")
    late.close()
    time.sleep(0.11)
    assert watch.mark() != before


@pytest.mark.parametrize("left", [b"", b"abc"])
def test_a_signal_that_was_cut_hides_nothing(url: str, catalog: Catalog, tmp_path: Path, left: bytes) -> None:
    (tmp_path / "catalog.sqlite-commits").write_bytes(left)
    others = Catalog(url)
    watch = CommitWatch(others)
    for number in range(3):
        before = watch.mark()
        with sqlite3.connect(tmp_path / "catalog.sqlite") as raw:
            raw.execute(f"CREATE TABLE other{number} (a)")
        raw.close()
        time.sleep(0.11)
        assert watch.mark() != before
    before = watch.mark()
    catalog.workspace_id("other")
    assert watch.mark() != before
    others.close()


def test_a_database_in_memory_gives_no_marks() -> None:
    catalog = Catalog("sqlite://")
    assert CommitWatch(catalog).mark() is None
    catalog.close()
