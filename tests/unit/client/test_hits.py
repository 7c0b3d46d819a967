"""Hits as a list, a table and a page."""

from __future__ import annotations

import io

import pytest
from PIL import Image

from chiasm.client import Hits
from chiasm.client.media import Medium

ANSWER = {
    "release": "r7",
    "took_ms": 8.1,
    "query": {"modalities": ["audio"], "into": "emoji"},
    "hits": [
        {
            "rank": 1,
            "key": "emoji:1F415",
            "domain": "emoji",
            "title": "<dog> & co",
            "score": 0.83,
            "cosine": {"audio": 0.71},
            "present": ["text", "image", "graph"],
            "why": {"text": 0.51, "image": 0.49, "paths": [["a", "r", "b"]]},
        },
        {
            "rank": 2,
            "key": "kw:cat",
            "domain": None,
            "title": None,
            "score": 0.2,
            "cosine": {},
            "present": ["text"],
        },
    ],
    "warnings": ["no sound encoder <yet>"],
}


def picture() -> Medium:
    buffer = io.BytesIO()
    Image.new("RGB", (300, 200), "red").save(buffer, format="JPEG")
    return Medium("image", "image/jpeg", buffer.getvalue())


def test_round_trip() -> None:
    assert Hits.from_dict(ANSWER).to_dict() == ANSWER


def test_reads_as_a_list() -> None:
    hits = Hits.from_dict(ANSWER)
    assert (hits[0].key, hits[0].score, len(hits), hits.keys) == (
        "emoji:1F415",
        0.83,
        2,
        ["emoji:1F415", "kw:cat"],
    )


def test_pandas() -> None:
    pytest.importorskip("pandas")
    table = Hits.from_dict(ANSWER).to_pandas()
    assert list(table.index) == [1, 2]
    assert list(table.columns) == ["key", "domain", "title", "score", "cosine", "present", "group", "why"]
    assert list(Hits(release="r1").to_pandas().columns) == list(table.columns)


def test_page_shows_pictures_and_players_and_escapes_data() -> None:
    media = {
        "emoji:1F415": [picture(), Medium("audio", "audio/wav", b"RIFF")],
        "kw:cat": [Medium("audio", "audio/wav", bytes(2_000_000))],
    }
    page = Hits.from_dict(ANSWER, media=media.__getitem__)._repr_html_()
    assert "&lt;dog&gt; &amp; co" in page and "<dog>" not in page and "<yet>" not in page
    assert 'src="data:image/png;base64,' in page and 'src="data:audio/wav;base64,' in page
    assert "long sound" in page and "51%" in page
    assert len(page) < 100_000
