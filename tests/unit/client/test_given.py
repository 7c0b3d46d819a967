"""What may be handed to `ingest`: paths, records, generators, data frames."""

from __future__ import annotations

import datetime
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas
import pyarrow as pa
import pyarrow.dataset
import pyarrow.parquet
import pytest

from chiasm.client import KnowledgeBase
from chiasm.client.embedded import OpenHome
from chiasm.client.frames import frame_rows
from chiasm.client.given import sorted_out
from chiasm.errors import InputError, ManifestError, UsageError
from chiasm.ingest import submit

COLUMNS: dict[str, list[Any]] = {
    "key": ["a", "b", "c"],
    "title": ["A", None, "C"],
    "text": [["x", "y"], None, []],
    "attributes": ['{"year": 1900}', None, '{"tags": ["t"]}'],
}
ROWS = [
    {"key": "a", "title": "A", "text": ["x", "y"], "attributes": {"year": 1900}},
    {"key": "b"},
    {"key": "c", "title": "C", "text": [], "attributes": {"tags": ["t"]}},
]


class Foreign:
    """A frame of another library, which speaks Arrow by one method only."""

    def __init__(self, **methods: Callable[..., Any]) -> None:
        for name, method in methods.items():
            setattr(self, name, method)


def dataset(folder: Path) -> Any:
    pa.parquet.write_table(pa.table(COLUMNS), folder / "t.parquet")
    return pyarrow.dataset.dataset(folder / "t.parquet")


def old_pandas(frame: pandas.DataFrame) -> Any:
    # Before 2.2 a frame of pandas had no Arrow stream.
    class Rows(list[Any]):
        def to_dict(self, orient: str) -> list[dict[str, Any]]:
            assert orient == "records"
            return [{k: (float("nan") if v is None else v) for k, v in row.items()} for row in self]

    rows = Rows(frame.to_dict("records"))

    class Slices:
        def __getitem__(self, wanted: slice) -> Rows:
            return Rows(rows[wanted])

    foreign = Foreign(to_dict=lambda orient: None)
    foreign.iloc = Slices()
    type(foreign).__len__ = lambda self: len(rows)  # type: ignore[attr-defined]
    return foreign


@pytest.mark.parametrize(
    "made",
    [
        lambda folder: pa.table(COLUMNS),
        lambda folder: pa.table(COLUMNS).to_reader(max_chunksize=1),
        lambda folder: pandas.DataFrame(COLUMNS, index=["x", "y", "z"]),
        dataset,
        lambda folder: Foreign(to_arrow=lambda: pa.table(COLUMNS)),
        lambda folder: old_pandas(pandas.DataFrame(COLUMNS)),
    ],
    ids=["table", "reader", "pandas", "dataset", "to_arrow", "old pandas"],
)
def test_data_frames_are_rows(tmp_path: Path, made: Callable[[Path], Any]) -> None:
    rows = frame_rows(made(tmp_path))
    assert rows is not None
    # Pandas hands lists on as arrays; the spool writes both alike.
    assert [json.loads(submit_line(row)) for row in rows] == ROWS


def submit_line(row: Any) -> str:
    from chiasm.ingest.spool import json_line

    return json_line(row, 1)


def test_a_malformed_cell_names_its_row() -> None:
    rows = frame_rows(pa.table({"key": ["a", "b"], "attributes": ["{}", "{broken"]}))
    with pytest.raises(ManifestError) as caught:
        list(rows or ())
    assert caught.value.where == "row 2"


@pytest.mark.parametrize("source", [[{"key": "a"}], "x", {"key": "a"}, np.zeros(3), pandas.DataFrame])
def test_what_is_no_frame(source: Any) -> None:
    assert frame_rows(source) is None


@pytest.mark.parametrize(
    ("source", "more", "paths", "records"),
    [
        ("a.jsonl", (), ["a.jsonl"], None),
        (Path("a.jsonl"), ("b.tsv",), ["a.jsonl", "b.tsv"], None),
        (["a.jsonl", Path("b.tsv")], ("c.nt",), ["a.jsonl", "b.tsv", "c.nt"], None),
        ({"key": "a"}, (), [], ["a"]),
        (({"key": k} for k in "ab"), (), [], ["a", "b"]),
        (pa.table({"key": ["a", "b"]}), (), [], ["a", "b"]),
        ([], (), [], None),
        (iter(()), ("a.jsonl",), ["a.jsonl"], None),
    ],
)
def test_sorting_out(source: Any, more: tuple[str, ...], paths: list[str], records: list[str] | None) -> None:
    found, rows = sorted_out(source, more)
    assert found == [Path(path) for path in paths]
    assert (None if rows is None else [row["key"] for row in rows]) == records


@pytest.mark.parametrize(
    ("source", "more", "if_revision"),
    [
        (["a.jsonl", {"key": "a"}], (), None),
        ({"key": "a"}, ("a.jsonl",), None),
        ([3], (), None),
        ([{"key": "a"}], (), 3),
        ("a.jsonl", (), 3),
    ],
)
def test_mixtures_are_refused(source: Any, more: tuple[str, ...], if_revision: int | None) -> None:
    with pytest.raises(UsageError):
        sorted_out(source, more, if_revision)


@pytest.fixture
def quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("notify", "ensure_worker"):
        monkeypatch.setattr(submit, name, lambda *arguments: True)


def uploads(home: OpenHome) -> list[Path]:
    return sorted((home.settings.home / "uploads").glob("*"))


def test_a_generator_is_written_out_as_it_comes(kb: KnowledgeBase, home: OpenHome, quiet: None) -> None:
    seen: list[int] = []

    def records() -> Iterator[dict[str, Any]]:
        for number in range(3000):
            if number == 2500:
                # What came before is in the file already, not in a list.
                seen.extend(path.stat().st_size for path in uploads(home))
            yield {
                "key": f"k{number}",
                "attributes": {"n": np.int64(number), "day": datetime.date(2020, 1, 2), "x": np.float32(0.5)},
            }

    kb.ingest(records())
    assert seen and seen[0] > 100_000
    (spool,) = uploads(home)
    lines = spool.read_text().splitlines()
    assert len(lines) == 3000
    assert json.loads(lines[7]) == {"key": "k7", "attributes": {"n": 7, "day": "2020-01-02", "x": 0.5}}


def test_nothing_half_written_stays(kb: KnowledgeBase, home: OpenHome, quiet: None) -> None:
    def breaks() -> Iterator[Any]:
        yield {"key": "a"}
        raise ZeroDivisionError

    def mixed() -> Iterator[Any]:
        yield {"key": "a"}
        yield "a path"

    for source, error in (
        (breaks(), ZeroDivisionError),
        (mixed(), UsageError),
        ([{"key": "a", "attributes": {"x": object()}}], InputError),
    ):
        with pytest.raises(error):
            kb.ingest(source)
        assert uploads(home) == [] and kb.jobs.list() == []


def test_if_revision_goes_into_the_record(kb: KnowledgeBase, home: OpenHome, quiet: None) -> None:
    assert kb.entity("a").revision == 1
    kb.ingest({"key": "a", "title": "new"}, if_revision=1)
    assert json.loads(uploads(home)[0].read_text()) == {"key": "a", "title": "new", "if_revision": 1}
