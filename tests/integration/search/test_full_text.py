"""Full text on both databases: what is found, in which order, and that nothing of what is gone is."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text
from tests.integration.ingest.conftest import Home
from tests.places import CATALOGS, on

from chiasm.catalog.full_text import index_damage, merge_index, rebuild_index
from chiasm.ingest import delete_entity
from chiasm.search import Part, Query, Searcher

pytestmark = on(*CATALOGS)

RECORDS: list[dict[str, Any]] = [
    {"key": "bell", "title": "bronze bell", "text": "Cast for a temple; rings at dawn."},
    {"key": "bells", "title": "row of bells", "text": "Bells, bells and a bell: bronze."},
    {"key": "lamp", "title": "oil lamp", "text": "Clay lamp of a temple-keeper, v2.1"},
    {"key": "cafe", "title": "Café Größe", "text": "naïve ÉCLAIR"},
    {"key": "chime", "title": "曾侯乙编钟", "text": "战国早期的青铜编钟,共六十五件"},
    {"key": "mirror", "title": "青铜镜", "text": "唐代铜镜"},
    {"key": "kana", "title": "ラーメン屋", "text": "東京の古い店"},
    {"key": "picture", "domain": "others"},
]


@pytest.fixture
def filled(home: Home, tmp_path: Path) -> Home:
    write(home, tmp_path, *RECORDS)
    return home


def write(home: Home, folder: Path, *records: dict[str, Any], **options: Any) -> None:
    path = folder / "m.jsonl"
    path.write_text("".join(json.dumps(record) + "\n" for record in records))
    home.ingest(path, **options)


def found(home: Home, searcher: Searcher, words: str, **options: Any) -> list[str]:
    answer = searcher.search(home.workspace_id, Query(match=words, **options))
    return [hit.key for hit in answer.hits]


CASES = [
    ("bell", ["bell", "bells"]),
    ("BELL", ["bell", "bells"]),
    ("temple", ["bell", "lamp"]),
    ('"oil lamp"', ["lamp"]),
    ('"lamp oil"', []),
    ('"bronze bell" -temple', ["bell", "lamp"]),
    ("cafe grosse eclair", ["cafe"]),
    ("CAFÉ", ["cafe"]),
    ("temple-keeper", ["lamp"]),
    ("v2.1", ["lamp"]),
    ("编钟", ["chime"]),
    ("青铜", ["chime", "mirror"]),
    ("钟", ["chime"]),
    ("青铜编钟", ["chime", "mirror"]),
    ('"青铜编钟"', ["chime"]),
    ("ラーメン", ["kana"]),
    ("东京", []),
    ("NEAR bell ^ * lamp NOT : )", ["bell", "bells", "lamp"]),
    ("unheard-of", []),
    ("\"; DROP TABLE asset; --' bell\0", ["bell", "bells"]),
    ("& | ! <-> :* bell", ["bell", "bells"]),
]


def test_words_find_their_texts(filled: Home, searcher: Searcher) -> None:
    for words, wanted in CASES:
        assert set(found(filled, searcher, words)) == set(wanted), words
    assert found(filled, searcher, "青铜编钟")[0] == "chime"
    # A rarer word counts more than a commoner one.
    assert found(filled, searcher, "bell clay temple")[0] == "lamp"


def test_filters_and_k(filled: Home, searcher: Searcher) -> None:
    assert found(filled, searcher, "bell", into="default", k=1) in (["bell"], ["bells"])
    assert found(filled, searcher, "bell", into="others") == []


def test_with_vectors(filled: Home, searcher: Searcher) -> None:
    parts = [Part("text", "oil lamp")]
    for fuse in ("rrf", "weights"):
        heavy = found(filled, searcher, "mirror 铜镜", parts=parts, fuse=fuse, match_weight=9.0)
        light = found(filled, searcher, "mirror 铜镜", parts=parts, fuse=fuse, match_weight=0.01)
        assert heavy[0] == "mirror" and light[0] == "lamp", fuse
        assert set(light) == {r["key"] for r in RECORDS} - {"picture"}
    query = Query(parts, match="铜镜", explain=True)
    (best, *_) = searcher.search(filled.workspace_id, query).hits
    assert best.why is not None and {"match", "text"} >= {
        name for name, value in best.why.items() if isinstance(value, float) and name != "cosine"
    }


def test_what_is_gone_is_not_found(filled: Home, searcher: Searcher, tmp_path: Path) -> None:
    delete_entity(filled.catalog, filled.workspace_id, "bell")
    assert found(filled, searcher, "bell") == ["bells"]
    write(filled, tmp_path, {"key": "bells", "title": "row of drums"}, mode="replace")
    assert found(filled, searcher, "bell bells") == [] and found(filled, searcher, "drums") == ["bells"]
    write(filled, tmp_path, RECORDS[0])
    assert found(filled, searcher, "bell") == ["bell"]
    assert index_damage(filled.catalog) is None


def test_tenants_see_their_own(filled: Home, searcher: Searcher) -> None:
    other = filled.catalog.workspace_id("other")
    assert searcher.search(other, Query(match="bell")).hits == ()


def test_made_anew(filled: Home, searcher: Searcher) -> None:
    emptied = {
        "sqlite": "INSERT INTO asset_text(asset_text) VALUES ('delete-all')",
        "postgresql": "DELETE FROM asset_text",
    }
    with filled.catalog.write() as session:
        session.execute(text(emptied[filled.catalog.engine.dialect.name]))
    assert found(filled, searcher, "bell") == [] and "lacks 14 texts" in str(index_damage(filled.catalog))
    rebuild_index(filled.catalog)
    assert index_damage(filled.catalog) is None
    assert set(found(filled, searcher, "bell")) == {"bell", "bells"}
    merge_index(filled.catalog)
    assert set(found(filled, searcher, "编钟")) == {"chime"}


def test_a_long_text_is_taken(filled: Home, searcher: Searcher, tmp_path: Path) -> None:
    long = " ".join(f"word{n}" for n in range(60_000)) + "青" * 50_000 + "x" * 5000
    write(filled, tmp_path, {"key": "long", "text": long})
    assert found(filled, searcher, "word5") == ["long"]
    delete_entity(filled.catalog, filled.workspace_id, "long")
    assert found(filled, searcher, "word5") == [] and index_damage(filled.catalog) is None
