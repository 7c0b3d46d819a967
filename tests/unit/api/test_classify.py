"""Classification over HTTP and from the shell, without a model: what is wrong is told."""

import base64
from typing import Any

import pytest
from fastapi.testclient import TestClient


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({}, 422),
        ({"text": "x", "labels": ["one"]}, 422),
        ({"text": "x", "label": ["a", "b"]}, 422),
        ({"image": "no base64!", "labels": ["a", "b"]}, 422),
        ({"image": base64.b64encode(b"no picture").decode(), "labels": ["a", "b"]}, 422),
        ({"text": "x", "by": "colour"}, 404),
    ],
)
def test_wrong_bodies_are_problems(local: TestClient, body: dict[str, Any], status: int) -> None:
    answer = local.post("/v1/classify", json=body)
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"


def test_an_empty_workspace_says_what_to_do(local: TestClient) -> None:
    answer = local.post("/v1/classify", json={"text": "x", "labels": ["a", "b"]})
    assert answer.status_code == 200
    assert answer.json()["labels"] == [] and "ingest" in answer.json()["warnings"][0]


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"max_mb": 20}, 422),
        ({"max_mb": -1, "max_ms": 1}, 422),
        ({"max_mb": 20, "max_ms": 1, "kinds": ["gru"]}, 422),
        ({"max_mb": 20, "max_ms": 1, "corpus": "/etc/passwd"}, 422),
        ({"max_mb": 20, "max_ms": 1}, 404),
    ],
)
def test_distillations_that_cannot_be(local: TestClient, body: dict[str, Any], status: int) -> None:
    assert local.post("/v1/distill", json=body).status_code == status
