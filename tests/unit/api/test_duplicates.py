"""Duplicates over HTTP, without a worker."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from fastapi.testclient import TestClient

from chiasm.catalog import Catalog
from chiasm.catalog.models import DuplicatePair, Entity
from chiasm.settings import Settings


@pytest.fixture(autouse=True)
def catalog(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[Catalog]:
    monkeypatch.setattr("chiasm.jobs.waiting.ensure_worker", lambda *arguments: True)
    catalog = Catalog.open(settings)
    workspace = catalog.workspace_id("default")
    with catalog.write() as session:
        session.add_all(
            Entity(id=number, workspace_id=workspace, key=key, title=key.upper(), attributes={key: number})
            for number, key in enumerate("abc", start=1)
        )
        session.flush()
        looks = {"image": {"signal": "look", "confidence": 0.95, "value": 2.0}}
        session.add(
            DuplicatePair(workspace_id=workspace, first_id=1, second_id=2, confidence=0.95, evidence=looks)
        )
    yield catalog
    catalog.close()


def listed(local: TestClient, **asked: Any) -> list[list[str]]:
    answer = local.get("/v1/duplicates", params=asked)
    assert answer.status_code == 200, answer.text
    return [pair["keys"] for pair in answer.json()["duplicates"]]


@pytest.mark.parametrize(
    ("asked", "pairs"),
    [
        ({}, [["a", "b"]]),
        ({"modality": "image"}, [["a", "b"]]),
        ({"modality": "audio"}, []),
        ({"min_confidence": 0.96}, []),
        ({"offset": 1}, []),
        ({"state": "merged"}, []),
        ({"domain": "none"}, []),
    ],
)
def test_listing(local: TestClient, asked: dict[str, Any], pairs: list[list[str]]) -> None:
    assert listed(local, **asked) == pairs


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("", {}, 202),
        ("", {"domain": "zebra"}, 404),
        ("", {"min_confidence": 2}, 422),
        ("", {"limit": 1}, 422),
        ("/merge", {"keep": "a", "others": ["zebra"]}, 404),
        ("/merge", {"keep": "a", "others": ["a"]}, 422),
        ("/merge", {"keep": "a", "others": []}, 422),
        ("/unmerge", {"key": "a"}, 404),
        ("/dismiss", {"keys": ["a"]}, 422),
        ("/dismiss", {"keys": ["a", "a"]}, 422),
        ("/dismiss", {"keys": ["a", "zebra"]}, 404),
    ],
)
def test_asking(local: TestClient, path: str, body: dict[str, Any], status: int) -> None:
    answer = local.post(f"/v1/duplicates{path}", json=body)
    assert answer.status_code == status, answer.text
    assert listed(local) == [["a", "b"]]


def test_merging_taking_apart_and_dismissing(local: TestClient) -> None:
    answer = local.post("/v1/duplicates/merge", json={"keep": "a", "others": ["b"]})
    assert answer.json() == {"key": "a", "merged": ["b"], "job": None}
    assert local.get("/v1/entities/b").json()["merged"] == ["b"]
    assert local.get("/v1/entities/b").json()["attributes"] == {"a": 1, "b": 2}
    assert local.delete("/v1/entities/b").status_code == 409
    assert listed(local) == [] and listed(local, state="merged") == [["a", "b"]]
    assert local.post("/v1/duplicates/unmerge", json={"key": "b"}).json()["kept"] == "a"
    assert local.get("/v1/entities/a").json()["attributes"] == {"a": 1}
    assert local.post("/v1/duplicates/dismiss", json={"keys": ["b", "a"]}).status_code == 204
    assert listed(local) == [] and listed(local, state="dismissed") == [["a", "b"]]
