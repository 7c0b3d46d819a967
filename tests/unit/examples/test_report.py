"""The page: complete, self-contained, safe with any text."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from examples.emoji.evaluation import figures_of, links_of
from examples.emoji.report.data import (
    Example,
    HitView,
    Judged,
    MapPoint,
    QueryPart,
    ReportData,
    Step,
)
from examples.emoji.report.layout import lay_out
from examples.emoji.report.media import make_atlas, make_clip, thumbnail
from examples.emoji.report.page import render, write_report

ROW = {"from": "emoji", "into": "emoji", "n": 120, "hit@1": 0.4, "mrr": 0.5, "ci95": {"hit@10": [0.7, 0.9]}}
BASELINE = {"space": "text max", "n": 120, "hit@10": 0.6, "mrr": 0.45}
DIFFERENCE = {
    "hit@10": {"mean": 0.2, "low": 0.1, "high": 0.3},
    "mrr": {"mean": 0.05, "low": -0.01, "high": 0.1},
}
EVALUATION = {
    "retrieval": [
        {**ROW, "query": "text", "target": "any", "hit@10": 0.8},
        {**ROW, "query": "text", "target": "image", "hit@10": 0.7},
        {**ROW, "query": "audio", "target": "any", "hit@10": 0.9, "n": 0},
    ],
    "baselines": {
        "late_fusion": {"text": {**BASELINE, "difference": DIFFERENCE}},
        "best_single": {"text": BASELINE},
    },
    "links": {"mrr": 0.3, "hits@10": 0.5},
}


@pytest.fixture
def data(picture: Path, sound: Path) -> ReportData:
    keys = [f"emoji:{number}" for number in range(6)]
    hits = tuple(
        HitView(rank, key, f"title {rank}", 0.9 / rank, ("text", "graph"), rank == 2)
        for rank, key in enumerate(keys, start=1)
    )
    parts = (
        QueryPart("text", "<script>alert(1)</script>", lang="en"),
        QueryPart("image", str(picture), "a picture"),
        QueryPart("audio", str(sound), "a sound"),
        QueryPart("entity", keys[0], "the first"),
        QueryPart("text", "not this", negative=True),
    )
    points = tuple(
        MapPoint(key, 0.1 * at, 0.2, f"</script> {at}", f"Group {at % 2}", "😀", {"de": "Gesicht"})
        for at, key in enumerate(keys)
    )
    return ReportData(
        release="r1",
        counts={"entities": 6, "pictures": 5, "recordings": 5, "edges": 1234, "lang:en": 6, "lang:de": 4},
        steps=(Step("Catalogue", "6 emoji", 3.2), Step("Train", "release r1", 75.0)),
        figures=figures_of(EVALUATION),
        judged=(Judged("A third voice", "audio", 30, 0.5, 0.995),),
        examples=(Example("All parts", "A note.", "chiasm search", parts, hits),),
        points=points,
        pictures=dict.fromkeys(keys[:5], picture),
        sounds=dict.fromkeys(keys[:5], sound),
        links=links_of(EVALUATION),
        versions={"chiasm": "0.1.0"},
    )


class _Page(HTMLParser):
    """Collects what a browser would load, the tags left open, and the text."""

    VOID = {"meta", "link", "img", "input", "br", "path", "circle", "rect"}

    def __init__(self) -> None:
        super().__init__()
        self.loaded: list[str] = []
        self.open: list[str] = []
        self.words: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.loaded += [value or "" for name, value in attrs if name in ("src", "href", "srcset", "action")]
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in self.VOID:
            assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] not in ("script", "style"):
            self.words.append(data.strip())


def _read(html: str) -> _Page:
    page = _Page()
    page.feed(html)
    assert page.open == []
    return page


def test_loads_nothing_from_outside(data: ReportData, tmp_path: Path) -> None:
    size = write_report(data, tmp_path / "deep" / "report.html")
    html = (tmp_path / "deep" / "report.html").read_text(encoding="utf-8")
    assert len(html.encode()) == size
    loaded = _read(html).loaded
    assert loaded
    assert all(url.startswith(("data:", "#")) for url in loaded)
    assert not re.search(r"url\(|@import|https?://(?!www\.w3\.org)|fetch\(|XMLHttpRequest", html)


def test_shows_every_section(data: ReportData) -> None:
    page = _read(render(data))
    text = " ".join(page.words)
    shown = (
        "6 emoji",
        "All parts",
        "everything",
        "image alone",
        "A third voice",
        "1.00",
        "+20.0",
        "1 min 18 s",
    )
    assert [words for words in shown if words not in text] == []
    assert "1,234" in text
    assert {"#map", "#ask", "#retrieval", "#gains", "#made"} <= set(page.loaded)


def test_text_of_users_stays_text(data: ReportData) -> None:
    html = render(data)
    assert "<script>alert" not in html
    payload = re.search(r'<script type="application/json" id="data">(.*?)</script>', html, re.S)
    assert payload
    shown = json.loads(payload[1])
    assert shown["map"]["points"][3][4] == "</script> 3"
    assert shown["map"]["drawn"] == "111110"
    assert sorted(shown["sounds"]) == [f"emoji:{number}" for number in range(5)]


@pytest.mark.parametrize(
    "without", ["points", "figures", "judged", "examples", "pictures", "sounds", "links"]
)
def test_any_part_may_be_missing(data: ReportData, without: str) -> None:
    empty = type(getattr(data, without))()
    html = render(replace(data, **{without: empty}))
    assert ('id="map"' in html) == (without != "points")
    _read(html)


def test_says_what_it_was_made_without(data: ReportData) -> None:
    html = render(replace(data, missing={"espeak-ng": "spoken names"}))
    assert "Made without" in html
    assert "espeak-ng" in html


def test_figures_take_gains_from_the_baselines_of_their_modality() -> None:
    figures = figures_of(EVALUATION)
    assert [(figure.query, figure.target) for figure in figures] == [("text", "any"), ("text", "image")]
    everything, alone = figures
    assert everything.interval == (0.7, 0.9)
    assert everything.baselines == {"late_fusion": 0.6, "best_single": 0.6}
    gains = {(gain.baseline, gain.metric): gain for gain in everything.gains}
    late = gains["late_fusion", "hit@10"]
    assert (late.mean, late.low, late.high, late.space) == (0.2, 0.1, 0.3, "")
    # Without a paired difference the plain one is shown, and claims no certainty.
    single = gains["best_single", "mrr"]
    assert (round(single.mean, 9), single.low, single.high, single.space) == (0.05, None, None, "text max")
    assert alone.gains == ()
    assert links_of(EVALUATION) == {"MRR": 0.3, "hits@10": 0.5}


@pytest.mark.parametrize("items", [0, 1, 2, 5, 60])
def test_layout_is_bounded_finite_and_repeatable(items: int) -> None:
    vectors = np.random.default_rng(0).normal(size=(items, 16)).astype(np.float32)
    plane = lay_out(vectors, seed=3)
    assert plane.shape == (items, 2)
    assert np.isfinite(plane).all()
    assert ((plane >= 0) & (plane <= 1)).all()
    assert np.array_equal(plane, lay_out(vectors, seed=3))


def test_layout_keeps_groups_together_and_twins_apart() -> None:
    random = np.random.default_rng(1)
    centres = random.normal(size=(3, 24)) * 6
    vectors = np.repeat(centres, 30, axis=0) + random.normal(size=(90, 24)) * 0.3
    vectors[1] = vectors[0]
    plane = lay_out(vectors.astype(np.float32))
    distance = np.linalg.norm(plane[:, None] - plane[None], axis=2)
    assert distance[0, 1] > 0.005
    np.fill_diagonal(distance, np.inf)
    assert (distance.argmin(axis=1) // 30 == np.arange(90) // 30).mean() > 0.95


def test_media_become_data_uris(picture: Path, sound: Path) -> None:
    assert thumbnail(picture).startswith("data:image/webp;base64,")
    atlas = make_atlas([picture, None, picture], cell=16)
    assert (atlas.cell, atlas.columns) == (16, 2)
    clip = make_clip(sound)
    assert clip.uri.startswith("data:audio/mpeg;base64,")
    assert clip.seconds == pytest.approx(1.0)
    assert len(clip.bars) == 48
    assert max(clip.bars) == 1.0
