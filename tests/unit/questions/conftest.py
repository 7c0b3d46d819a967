"""A home that knows some countries, people and rivers."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.homes import opened_home

from chiasm.catalog.models import Asset, Domain, Entity, Predicate, Triple
from chiasm.client.embedded import OpenHome

ENTITIES: dict[str, dict[str, Any]] = {
    "c:fr": {"title": "France", "domain": "countries", "texts": ["République française", "法国"]},
    "c:es": {
        "title": "Spain",
        "domain": "countries",
        "attributes": {"aliases": ["España"], "population": 48},
    },
    "c:de": {"title": "Germany", "domain": "countries"},
    "c:au": {"title": "Austria", "domain": "countries"},
    "c:oz": {"title": "Australia", "domain": "countries"},
    "c:uk": {"title": "United Kingdom", "domain": "countries"},
    "t:paris": {"title": "Paris", "domain": "towns"},
    "t:texas": {"title": "Paris", "domain": "towns"},
    "t:berlin": {"title": "Berlin", "domain": "towns"},
    "p:curie": {"title": "Marie Curie", "domain": "people"},
    "p:pierre": {"title": "Pierre Curie", "domain": "people"},
    "p:irene": {"title": "Irène Joliot-Curie", "domain": "people"},
    "kw:physicist": {},
    "kw:chemist": {},
    "l:french": {"title": "French", "domain": "languages"},
    "l:german": {"title": "German", "domain": "languages"},
    "x:lonely": {"title": "Atlantis", "domain": "countries"},
}
EDGES = [
    ("c:fr", "borders", "c:es"),
    ("c:de", "borders", "c:fr"),
    ("c:de", "borders", "c:au"),
    ("c:fr", "capital", "t:paris"),
    ("t:berlin", "capitalOf", "c:de"),
    ("c:fr", "official_language", "l:french"),
    ("c:de", "official_language", "l:german"),
    ("t:paris", "locatedIn", "c:fr"),
    ("p:irene", "place_of_birth", "t:paris"),
    ("p:pierre", "place_of_birth", "t:paris"),
    ("p:curie", "spouse", "p:pierre"),
    ("p:irene", "parent", "p:curie"),
    ("p:irene", "parent", "p:pierre"),
    ("p:irene", "occupation", "kw:chemist"),
    ("p:pierre", "occupation", "kw:physicist"),
    ("p:curie", "occupation", "kw:physicist"),
]
#: Subject, predicate, value; of the last edge and this one the confidence is half.
VALUES = [("p:curie", "date_of_birth", "1867-11-07")]


def _named(session: Any, table: Any, workspace_id: int, names: set[str]) -> dict[str, int]:
    rows = {name: table(workspace_id=workspace_id, name=name) for name in sorted(names)}
    session.add_all(rows.values())
    session.flush()
    return {name: row.id for name, row in rows.items()}


def fill(home: OpenHome) -> None:
    """Write the rows."""
    workspace_id = home.catalog.workspace_id("default")
    with home.catalog.write() as session:
        domains = _named(
            session, Domain, workspace_id, {one["domain"] for one in ENTITIES.values() if "domain" in one}
        )
        predicates = _named(session, Predicate, workspace_id, {name for _, name, _ in [*EDGES, *VALUES]})
        ids = {}
        for key, one in ENTITIES.items():
            row = Entity(
                workspace_id=workspace_id,
                key=key,
                title=one.get("title"),
                domain_id=domains.get(one.get("domain", "")),
                is_stub="domain" not in one,
                attributes=one.get("attributes", {}),
            )
            session.add(row)
            session.flush()
            ids[key] = row.id
            for number, text in enumerate(one.get("texts", ())):
                session.add(
                    Asset(
                        workspace_id=workspace_id,
                        entity_id=row.id,
                        modality="text",
                        sha256=f"{row.id:032d}{number:032d}",
                        value=text,
                        size_bytes=len(text.encode()),
                    )
                )
        for head, name, tail in EDGES:
            session.add(
                Triple(
                    workspace_id=workspace_id,
                    subject_id=ids[head],
                    predicate_id=predicates[name],
                    object_id=ids[tail],
                    object_ref=f"e:{ids[tail]}",
                    confidence=0.5 if (head, name, tail) == EDGES[-1] else 1.0,
                )
            )
        for head, name, value in VALUES:
            session.add(
                Triple(
                    workspace_id=workspace_id,
                    subject_id=ids[head],
                    predicate_id=predicates[name],
                    literal=value,
                    object_ref=f"l:{value}",
                    confidence=0.5,
                )
            )
        home.catalog.bump_revision(session, workspace_id)


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OpenHome]:
    """Nobody writes to it."""
    with opened_home(tmp_path_factory.mktemp("questions"), fill) as opened:
        yield opened


@pytest.fixture
def folder(home: OpenHome) -> Path:
    """Where it lies."""
    return home.settings.home
