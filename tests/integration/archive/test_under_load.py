"""A backup while others write, restored elsewhere, against a home that was fed the same up to that moment."""

from __future__ import annotations

import json
import threading
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from sqlalchemy import select
from tests.integration.archive.conftest import knowledge_base, rows, target
from tests.integration.ingest.conftest import Home

from chiasm.archive import Step, backup, restore
from chiasm.catalog.models import Entity
from chiasm.ingest.delete import delete_entity
from chiasm.settings import Settings
from chiasm.spaces import collect

_RECORDS, _QUERIES = 20, 200
#: Of each table, what does not tell of times, attempts and who worked.
_KEPT = {
    "entity": ("id", "key", "title", "attributes", "revision", "is_stub"),
    "asset": ("id", "entity_id", "modality", "sha256", "size_bytes", "value", "state"),
    "triple": ("id", "subject_id", "predicate_id", "object_id", "literal", "confidence"),
    "predicate": ("id", "name"),
    "domain": ("id", "name"),
}
_TIMED = {"work_unit", "job", "failure", "segment", "unit_effect"}


def step(home: Home, folder: Path, number: int) -> None:
    """One thing that is done to a home: even ones say twenty records (some again), odd ones delete one."""
    if number % 2:
        delete_entity(home.catalog, home.workspace_id, f"k:{max(0, number - 7)}:7")
        home.work()
        return
    said = [(number, at) for at in range(_RECORDS)] + [(max(0, number - 4), at) for at in range(3)]
    lines = (
        {
            "key": f"k:{of}:{at}",
            "domain": "ab"[at % 2],
            "title": f"title {of} {at}",
            "text": [f"text {of} {at} as of {number}", f"shared {at}"],
            "attributes": {"step": number},
            "relations": [{"predicate": "next", "object": f"k:{of}:{at + 1}"}],
        }
        for of, at in dict.fromkeys(said)
    )
    manifest = folder / f"{number}.jsonl"
    manifest.write_text("".join(json.dumps(line) + "\n" for line in lines))
    home.ingest(manifest)


def seen(home: Home) -> int:
    """How many steps are in a home."""
    with home.catalog.read() as session:
        last = max(row["step"] for row in session.scalars(select(Entity.attributes)) if "step" in row)
        key = f"k:{max(0, last + 1 - 7)}:7"
        gone = session.scalars(select(Entity.deleted_at).where(Entity.key == key)).first()
    return int(last) + 1 + (gone is not None and last + 1 > 7)


def facts(home: Home) -> dict[str, Any]:
    """Rows of what was said, and how many there are of everything that lasts."""
    found = rows(home.catalog)
    columns = {
        table.name: [column.name for column in table.columns] for table in Entity.metadata.sorted_tables
    }
    kept = {
        name: [[row[columns[name].index(one)] for one in wanted] for row in found[name]]
        for name, wanted in _KEPT.items()
    }
    counts = {name: len(listed) for name, listed in found.items() if name not in _TIMED}
    return {**kept, "counts": counts}


def top(settings: Settings, questions: list[str]) -> list[list[tuple[str, float]]]:
    with knowledge_base(settings) as kb:
        return [[(hit.key, hit.score) for hit in kb.search(question, k=10)] for question in questions]


def test_restored_elsewhere_it_is_what_it_was(make_home: Callable[..., Home], tmp_path: Path) -> None:
    busy = make_home(tmp_path / "busy")
    begun, stop = threading.Event(), threading.Event()
    failed: list[Exception] = []
    done = Counter[str]()

    def write() -> None:
        folder = tmp_path / "said"
        folder.mkdir()
        try:
            number = 0
            while not stop.is_set():
                step(busy, folder, number)
                collect(busy.catalog, busy.settings.spaces_dir)
                number += 1
                done["steps"] = number
                if number == 12:
                    begun.set()
        except Exception as error:  # noqa: BLE001 - the test's own thread tells what it met
            failed.append(error)
            begun.set()

    def go_slowly(step: Step) -> None:
        # The backup takes as long as the writer needs for more.
        threading.Event().wait(0.05)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        begun.wait()
        before = done["steps"]
        backup(busy.settings, busy.catalog, tmp_path / "home.tar", watch=go_slowly)
        meanwhile = done["steps"] - before
    finally:
        stop.set()
        writer.join()
    busy.catalog.close()
    assert not failed and meanwhile > 0, (failed, meanwhile)

    restore(tmp_path / "home.tar", target(tmp_path / "other"))
    other = make_home(tmp_path / "other")
    # What was accepted when the backup was made, and not yet read or embedded, is so now.
    other.work()
    steps = seen(other)
    assert before <= steps <= done["steps"]

    again = make_home(tmp_path / "again")
    (tmp_path / "anew").mkdir()
    for number in range(steps):
        step(again, tmp_path / "anew", number)
    assert facts(other) == facts(again)
    other.catalog.close()
    again.catalog.close()
    questions = [f"text {2 * (at % 6)} {at % _RECORDS} as of {2 * (at % 6)}" for at in range(_QUERIES)]
    questions[::10] = [f"shared {at}" for at in range(_QUERIES // 10)]
    answers = top(other.settings, questions)
    assert answers == top(again.settings, questions)
    assert len(answers) == _QUERIES and all(len(found) == 10 for found in answers)
    # Vectors of hashes: whoever said exactly this is the first.
    assert sum(found[0][1] > 0.99 for found in answers) > _QUERIES // 2
