"""A home with a small graph in its catalog, written as rows."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.homes import opened_home

from chiasm.catalog.models import Asset, Domain, Entity, Predicate, Triple
from chiasm.client import KnowledgeBase
from chiasm.client.embedded import EmbeddedBackend, OpenHome

EDGES = [
    ("a", "knows", "b"),
    ("b", "knows", "c"),
    ("d", "near", "c"),
    ("e", "near", "d"),
    ("a", "likes", "b"),
]


def fill(home: OpenHome, workspace: str = "default") -> None:
    """Entities a to f; f is alone, e a stub; an attribute on each."""
    workspace_id = home.catalog.workspace_id(workspace)
    with home.catalog.write() as session:
        domain = Domain(workspace_id=workspace_id, name="letters")
        session.add(domain)
        session.flush()
        entities = {}
        for place, key in enumerate("abcdef"):
            stub = key == "e"
            entities[key] = Entity(
                workspace_id=workspace_id,
                key=key,
                title=None if stub else key.upper(),
                domain_id=None if stub else domain.id,
                is_stub=stub,
                attributes={} if stub else {"place": place},
            )
        predicates = {
            name: Predicate(workspace_id=workspace_id, name=name)
            for name in ("knows", "near", "likes", "size")
        }
        session.add_all([*entities.values(), *predicates.values()])
        session.flush()
        for head, name, tail in EDGES:
            session.add(
                Triple(
                    workspace_id=workspace_id,
                    subject_id=entities[head].id,
                    predicate_id=predicates[name].id,
                    object_id=entities[tail].id,
                    object_ref=f"e:{entities[tail].id}",
                )
            )
        session.add(
            Triple(
                workspace_id=workspace_id,
                subject_id=entities["a"].id,
                predicate_id=predicates["size"].id,
                literal=3,
                object_ref="l:three",
            )
        )
        session.add(
            Asset(
                workspace_id=workspace_id,
                entity_id=entities["a"].id,
                modality="text",
                sha256="0" * 64,
                value="the first letter",
                size_bytes=16,
            )
        )


@pytest.fixture
def home(tmp_path: Path) -> Iterator[OpenHome]:
    with opened_home(tmp_path, fill) as opened:
        yield opened


@pytest.fixture
def kb(home: OpenHome) -> KnowledgeBase:
    return KnowledgeBase(EmbeddedBackend(home))
