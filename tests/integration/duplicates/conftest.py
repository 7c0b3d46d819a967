"""Homes whose worker also looks for duplicates."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select
from tests.integration.ingest import conftest as ingest_conftest
from tests.integration.ingest.conftest import HANDLERS, Home
from tests.integration.ingest.conftest import home as plain_home

from chiasm import duplicates
from chiasm.catalog.models import Asset, Entity, Predicate, Triple
from chiasm.catalog.seals import broken_rows, seal_rows
from chiasm.duplicates import submit

__all__ = ["content", "find", "home", "merge", "pairs", "plain_home", "unmerge"]


@pytest.fixture
def home(plain_home: Home, monkeypatch: pytest.MonkeyPatch) -> Home:
    mine = {"fingerprint": duplicates.fingerprint_unit, "compare": duplicates.compare_unit}
    monkeypatch.setattr(ingest_conftest, "HANDLERS", {**HANDLERS, **mine})
    monkeypatch.setattr(submit, "wake", lambda *arguments: None)
    return plain_home


def find(home: Home, **asked: Any) -> list[dict[str, Any]]:
    job_id = duplicates.submit_find(home.settings, home.catalog, home.workspace_id, **asked)
    home.work()
    home.result(job_id)
    return pairs(home)


def pairs(home: Home, **asked: Any) -> list[dict[str, Any]]:
    with home.catalog.read() as session:
        return duplicates.list_pairs(session, home.workspace_id, **asked)


def merge(home: Home, keep: str, *others: str) -> duplicates.Merged:
    done = duplicates.merge_entities(home.catalog, home.workspace_id, keep, others)
    home.work()
    return done


def unmerge(home: Home, key: str) -> duplicates.Unmerged:
    done = duplicates.unmerge_entity(home.settings, home.catalog, home.workspace_id, key)
    home.work()
    return done


def content(home: Home) -> dict[str, Any]:
    """All that is said of every entity: what a merge and its undoing must leave as it was."""
    seal_rows(home.catalog)
    assert list(broken_rows(home.catalog)) == []
    with home.catalog.read() as session:
        entities = session.scalars(select(Entity).order_by(Entity.key)).all()
        keys = {one.id: one.key for one in entities}
        predicates = dict(session.execute(select(Predicate.id, Predicate.name)).all())
        assets = session.scalars(select(Asset).order_by(Asset.modality, Asset.position, Asset.sha256)).all()
        triples = session.scalars(select(Triple)).all()
        return {
            one.key: {
                "title": one.title,
                "attributes": one.attributes,
                "domain": one.domain_id,
                "gone": one.deleted_at is not None,
                "assets": [
                    (a.modality, a.value or a.sha256[:8], a.role, a.source, a.position, a.lang, a.state)
                    for a in assets
                    if a.entity_id == one.id
                ],
                "said": sorted(
                    (predicates[t.predicate_id], keys.get(t.object_id or 0) or str(t.literal), t.origin)
                    for t in triples
                    if t.subject_id == one.id
                ),
                "refs": all(t.object_ref == f"e:{t.object_id}" for t in triples if t.object_id is not None),
            }
            for one in entities
        }


def folder_of(tmp_path: Path) -> Path:
    folder = tmp_path / "data"
    folder.mkdir(exist_ok=True)
    return folder
