"""Records, names and values: what is taken and what is refused."""

from __future__ import annotations

from typing import Any

import pytest

from chiasm.errors import ManifestError
from chiasm.ingest.names import name_of_key
from chiasm.ingest.records import MediaItem, Record, Relation, TextItem, parse_record
from chiasm.ingest.values import parse_json

GOOD: list[tuple[dict[str, Any], Record]] = [
    ({"key": "a"}, Record("a")),
    ({"key": "a", "title": " dog ", "text": "x"}, Record("a", title="dog", text=(TextItem("x"),))),
    (
        {"key": "a", "text": ["x", "", {"value": "y", "lang": "de"}]},
        Record("a", text=(TextItem("x"), TextItem("y", "de"))),
    ),
    ({"key": "a", "image": "p.png"}, Record("a", image=(MediaItem("p.png"),))),
    (
        {"key": "a", "audio": [{"path": "s.ogg", "role": "call", "lang": "en"}, "t.ogg"]},
        Record("a", audio=(MediaItem("s.ogg", "en", "call"), MediaItem("t.ogg"))),
    ),
    ({"key": "a", "attributes": {"n": 1, "t": ["x"]}}, Record("a", attributes={"n": 1, "t": ["x"]})),
    (
        {
            "key": "a",
            "relations": [
                {"predicate": "p", "object": "b"},
                {"predicate": "n", "value": 1, "confidence": 0.5},
            ],
        },
        Record("a", relations=(Relation("p", "b"), Relation("n", None, 1, 0.5))),
    ),
    ({"key": "a", "domain": None, "text": None, "relations": []}, Record("a", relations=())),
]

DEEP: Any = []
for _ in range(60):
    DEEP = [DEEP]

BAD: list[tuple[Any, str]] = [
    ([], "must be a JSON object"),
    ({}, "'key' is missing"),
    ({"key": ""}, "key is blank"),
    ({"key": 7}, "key must be a string, not a number"),
    ({"key": "a\nb"}, "control character"),
    ({"key": "k" * 600}, "600 characters"),
    ({"key": "a\0"}, "NUL"),
    ({"key": "a", "colour": 1}, "unknown field 'colour'"),
    ({"key": "a", "domain": ["d"]}, "domain must be a string, not a list"),
    ({"key": "a", "domain": "  "}, "domain is blank"),
    ({"key": "a", "title": {"en": "x"}}, "title must be a string"),
    ({"key": "a", "text": [1]}, "text must be a string, not a number"),
    ({"key": "a", "text": {"lang": "en"}}, "no 'value'"),
    ({"key": "a", "text": {"value": "x", "language": "en"}}, "unknown field of a text 'language'"),
    ({"key": "a", "text": "\ud800"}, "half a surrogate pair"),
    ({"key": "a", "image": {"file": "x"}}, "unknown field of image 'file'"),
    ({"key": "a", "image": [{}]}, "no 'path'"),
    ({"key": "a", "image": " "}, "blank"),
    ({"key": "a", "attributes": [1]}, "attributes must be an object"),
    ({"key": "a", "attributes": {"n": 10**30}}, r"attributes\.n is a number beyond 64 bits"),
    ({"key": "a", "attributes": {"n": float("inf")}}, "not a finite number"),
    ({"key": "a", "attributes": {"n": DEEP}}, "nested more than 32 deep"),
    ({"key": "a", "attributes": {"n": {1, 2}}}, "set, which is no JSON"),
    ({"key": "a", "relations": ["x"]}, "a relation must be an object"),
    ({"key": "a", "relations": [{"predicate": "p"}]}, "either 'object'"),
    ({"key": "a", "relations": [{"predicate": "p", "object": "b", "value": 1}]}, "either 'object'"),
    (
        {"key": "a", "relations": [{"predicate": "p", "object": "b", "weight": 1}]},
        "unknown field of a relation 'weight'",
    ),
    (
        {"key": "a", "relations": [{"predicate": "p", "object": "b", "confidence": 2}]},
        "not a number from 0 to 1",
    ),
    ({"key": "a", "relations": [{"predicate": "p", "value": None}]}, "null"),
]


@pytest.mark.parametrize(("data", "expected"), GOOD)
def test_good_record(data: dict[str, Any], expected: Record) -> None:
    assert parse_record(data) == expected


@pytest.mark.parametrize(("data", "message"), BAD)
def test_bad_record(data: Any, message: str) -> None:
    with pytest.raises(ManifestError, match=message) as caught:
        parse_record(data)
    assert caught.value.remedy


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "not JSON"),
        ("NaN", "not a JSON number"),
        ("[" * 200_000, "nested too deeply"),
        ("1" * 5000, "far too many digits"),
    ],
)
def test_bad_json(text: str, message: str) -> None:
    with pytest.raises(ManifestError, match=message):
        parse_json(text)


@pytest.mark.parametrize(
    ("key", "name"),
    [
        ("kw:dog", "dog"),
        ("kw:ice_cream", "ice cream"),
        ("group:Smileys & Emotion", "Smileys & Emotion"),
        ("kw:柴犬", "柴犬"),
        ("acquired_abnormality", "acquired abnormality"),
        ("http://dbpedia.org/resource/Berlin_Wall", "Berlin Wall"),
        ("http://www.wikidata.org/entity/Q42", None),
        ("wn:02084071", None),
        ("subgroup:0", None),
        ("audioset:/m/05tny_", None),
        ("emoji:1f415", None),
        ("x:7", None),
        ("id:550e8400-e29b-41d4-a716-446655440000", None),
        ("sha:deadbeefdeadbeefdeadbeef", None),
    ],
)
def test_name_of_key(key: str, name: str | None) -> None:
    assert name_of_key(key) == name
