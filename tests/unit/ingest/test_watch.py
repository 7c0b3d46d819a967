"""Following a folder: what is handed out, when, and how often."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from chiasm.ingest.watch import FolderWatch

LINE = '{"key": "a"}\n'


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path.resolve()


def put(path: Path, content: str, at: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content)
    os.utime(path, (at, at))


def seen(watch: FolderWatch, folder: Path) -> list[str]:
    return [str(path.relative_to(folder)) for path in watch.look()[0]]


def test_only_what_lies_still_is_complete(folder: Path) -> None:
    watch = FolderWatch(folder)
    put(folder / "a.jsonl", LINE, 1)
    assert seen(watch, folder) == []
    # Still being written: longer, then of another time.
    put(folder / "a.jsonl", LINE * 2, 1)
    assert seen(watch, folder) == []
    put(folder / "a.jsonl", LINE * 2, 2)
    assert seen(watch, folder) == []
    assert seen(watch, folder) == ["a.jsonl"]
    assert seen(watch, folder) == seen(watch, folder) == []


def test_changed_and_new_files_come_alone(folder: Path) -> None:
    watch = FolderWatch(folder)
    for name in ("a.jsonl", "deep/b.csv", "c.nt", "d.jsonl.zst"):
        put(folder / name, "key\na\n", 1)
    for name in ("x.docx", ".hidden.jsonl", ".git/y.jsonl", "half.jsonl.part"):
        put(folder / name, LINE, 1)
    assert seen(watch, folder) == []
    assert seen(watch, folder) == ["a.jsonl", "c.nt", "d.jsonl.zst", "deep/b.csv"]
    put(folder / "c.nt", "", 2)
    put(folder / "e.ttl", "", 2)
    assert seen(watch, folder) == []
    assert seen(watch, folder) == ["c.nt", "e.ttl"]
    # Gone and back again is new.
    (folder / "c.nt").unlink()
    assert seen(watch, folder) == []
    put(folder / "c.nt", "", 2)
    assert seen(watch, folder) == []
    assert seen(watch, folder) == ["c.nt"]


@pytest.mark.parametrize(
    ("manifests", "medium", "expected"),
    [
        ([], "cats/tom.png", ["."]),
        (["m.jsonl"], "img/tom.png", ["m.jsonl"]),
        (["one/m.jsonl", "two/m.jsonl"], "two/tom.wav", ["two/m.jsonl"]),
        (["m.jsonl", "two/m.jsonl"], "two/tom.wav", ["m.jsonl", "two/m.jsonl"]),
        (["one/m.jsonl"], "two/tom.wav", []),
    ],
)
def test_media_bring_their_manifests(
    folder: Path, manifests: list[str], medium: str, expected: list[str]
) -> None:
    watch = FolderWatch(folder)
    for name in manifests:
        put(folder / name, LINE, 1)
    watch.look()
    watch.look()
    put(folder / medium, "", 2)
    assert seen(watch, folder) == []
    assert seen(watch, folder) == expected
    assert seen(watch, folder) == []


def test_what_cannot_be_read_is_named_once(folder: Path) -> None:
    watch = FolderWatch(folder)
    put(folder / "bad.csv", "one,two\n1,2\n", 1)
    watch.look()
    good, [(path, error)] = watch.look()
    assert not good and path.name == "bad.csv" and "manifest" in error.what
    assert watch.look() == ([], [])
    put(folder / "bad.csv", "key\na\n", 2)
    assert watch.look() == ([], []) and seen(watch, folder) == ["bad.csv"]
