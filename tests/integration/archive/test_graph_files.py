"""`graph export --derived`, ingested into an empty home and exported again: the same statements, in every format."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.integration.ingest.conftest import Home

from chiasm.catalog.models import Entity, Predicate, Triple
from chiasm.cli import main

VALUES: list[Any] = [
    "plain", "", "tab\t and\nline", 7, 1.5, True, None, [1, "x"], {"n": {"m": 2}},
    {"value": "Hund", "lang": "de"}, {"value": "1", "type": "http://x.org/t"}, "1900-01-01", "007",
]  # fmt: skip
KEYS = ["plain", "http://x.org/a", 'q"uote', "größe 犬", "_:ab:c", "a\\b", "lonely", "<x> & y", "'", "1"]
ORIGINS = ("stated", "table", "rule", "predicted")


def fill(home: Home) -> None:
    with home.catalog.change(home.workspace_id) as session:
        common = {"workspace_id": home.workspace_id}
        entities = [
            Entity(
                **common, key=key, title=None if n % 2 else f"title {n}", attributes={"n": n}, is_stub=n > 6
            )
            for n, key in enumerate(KEYS)
        ]
        predicates = [Predicate(**common, name=name) for name in ("near", "http://x.org/p", "is like")]
        session.add_all([*entities, *predicates])
        session.flush()
        for n in range(36):
            head, tail, kind = entities[n % 9], entities[(n * 5 + 1) % 7], predicates[n % 3]
            about = {"origin": ORIGINS[n % 4], "confidence": 1.0 if n % 2 else (n + 1) / 37}
            ends = {**common, "subject_id": head.id, "predicate_id": kind.id, **about}
            session.merge(Triple(**ends, object_id=tail.id, object_ref=f"e:{tail.id}"))
            if n < len(VALUES):
                session.add(Triple(**ends, literal=VALUES[n], object_ref=f"l:{n}"))
        session.flush()
        home.catalog.bump_revision(session, home.workspace_id)


def exported(home: Home, file: Path) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["--home", str(home.settings.home), "graph", "export", str(file), "--derived"])
    assert not caught.value.code


def statements(home: Home) -> list[str]:
    from sqlalchemy import select
    from sqlalchemy.orm import aliased

    end = aliased(Entity)
    with home.catalog.read() as session:
        rows = session.execute(
            select(Entity.key, Predicate.name, end.key, Triple.literal, Triple.origin, Triple.confidence)
            .join(Entity, Entity.id == Triple.subject_id)
            .join(Predicate, Predicate.id == Triple.predicate_id)
            .outerjoin(end, end.id == Triple.object_id)
        )
        return sorted(
            json.dumps([h, p, t, v, o, c], sort_keys=True, ensure_ascii=False) for h, p, t, v, o, c in rows
        )


@pytest.mark.parametrize("suffix", ["nt", "ttl", "rdf", "graphml", "json", "tsv", "csv"])
def test_statements_come_back(
    make_home: Callable[..., Home], tmp_path: Path, suffix: str, capsys: pytest.CaptureFixture[str]
) -> None:
    first = make_home(tmp_path / "first")
    fill(first)
    file = tmp_path / f"graph.{suffix}"
    exported(first, file)
    again = make_home(tmp_path / "again")
    counts, job = again.ingest(file)
    assert [failure.what for failure in again.failures(job)] == [] and not counts["failed"]
    assert statements(again) == statements(first)
    if suffix in ("graphml", "json"):
        with again.catalog.read() as session:
            titles = {row.key: row.title for row in session.query(Entity)}
        assert titles["plain"] == "title 0"
    twice = tmp_path / f"twice.{suffix}"
    exported(again, twice)
    third = make_home(tmp_path / "third")
    third.ingest(twice)
    assert statements(third) == statements(first)
