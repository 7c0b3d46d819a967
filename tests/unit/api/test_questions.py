"""A search as it comes over HTTP is the facade's."""

from __future__ import annotations

from dataclasses import fields

from chiasm.api.questions import Narrowing, SearchBody, search_request
from chiasm.client.protocol import SearchRequest


def test_what_a_body_does_not_say_is_what_the_facade_does_not_say() -> None:
    silent = {field.name: field.default for field in fields(SearchRequest)}
    for name, field in Narrowing.model_fields.items():
        assert field.default == silent[name], name
    assert search_request(SearchBody(entity="a")) == search_request(
        SearchBody(**SearchBody(entity="a").model_dump())
    )


def test_what_a_body_says_reaches_the_request() -> None:
    body = SearchBody(text=["a", "b"], not_entity="c", image=None, k=3, where="x == 1", stubs=True)
    asked = search_request(body, {"not_image": [b"picture"]})
    assert [(part.kind, part.value, part.weight) for part in asked.parts] == [
        ("text", "a", 1.0),
        ("text", "b", 1.0),
        ("image", b"picture", -1.0),
        ("entity", "c", -1.0),
    ]
    assert (asked.k, asked.where, asked.stubs, asked.hops) == (3, "x == 1", True, 1)
