"""The catalogue made of them."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from examples.emoji.catalogue import (
    MANIFEST,
    SPOKEN_QUERIES,
    VARIANT_QUERIES,
    build_catalogue,
    load_summary,
)
from examples.emoji.sources.packages import SystemFiles, find_system_files

INSTALLED = find_system_files()


def _lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def _digests(folder: Path) -> dict[str, str]:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(p.relative_to(folder)): hashlib.sha256(p.read_bytes()).hexdigest() for p in files}


def test_manifest(system_files: SystemFiles, tmp_path: Path) -> None:
    summary = build_catalogue(tmp_path / "out", system_files)
    records = {record["key"]: record for record in _lines(tmp_path / "out" / MANIFEST)}
    assert set(records) == {
        "emoji:1F600",
        "emoji:2764",
        "emoji:1F469",
        "emoji:1F469-200D-1F680",
        "emoji:1F680",
    }
    assert records["emoji:1F680"] == {
        "key": "emoji:1F680",
        "domain": "emoji",
        "title": "rocket",
        "text": [
            {"value": "rocket", "lang": "en"},
            {"value": "space", "lang": "en"},
            {"value": "Rakete", "lang": "de"},
            {"value": "Weltraum", "lang": "de"},
            {"value": "火箭", "lang": "zh"},
            {"value": "太空", "lang": "zh"},
        ],
        "attributes": {
            "char": "🚀",
            "codepoints": 1,
            "group": "Travel & Places",
            "subgroup": "transport-air",
            "version": 0.6,
        },
        "relations": [
            {"predicate": "in_group", "object": "group:Travel & Places"},
            {"predicate": "in_subgroup", "object": "subgroup:transport-air"},
            {"predicate": "has_keyword", "object": "kw:space"},
        ],
    }
    composed = [
        one for one in records["emoji:1F469-200D-1F680"]["relations"] if one["predicate"] == "composed_of"
    ]
    assert composed == [
        {"predicate": "composed_of", "object": "emoji:1F469"},
        {"predicate": "composed_of", "object": "emoji:1F680"},
    ]
    assert summary.entities == 5
    assert summary.languages == {"en": 5, "de": 2, "zh": 1}
    assert set(summary.missing) == {"fonts-noto-color-emoji", "espeak-ng"}
    # Without media nothing is kept aside, and the files say so.
    assert _lines(tmp_path / "out" / SPOKEN_QUERIES) == _lines(tmp_path / "out" / VARIANT_QUERIES) == []


def test_the_name_is_not_a_keyword_of_itself(system_files: SystemFiles, tmp_path: Path) -> None:
    build_catalogue(tmp_path, system_files)
    objects = [one["object"] for record in _lines(tmp_path / MANIFEST) for one in record["relations"]]
    assert "kw:grin" in objects
    assert "kw:grinning face" not in objects


def test_with_no_package_at_all_there_are_still_names(tmp_path: Path) -> None:
    summary = build_catalogue(tmp_path, SystemFiles(), limit=20)
    records = _lines(tmp_path / MANIFEST)
    assert summary.entities == len(records) == 20
    assert all(record["title"] and record["relations"] == [] for record in records)
    assert len(summary.missing) == 4


def test_kept_until_its_sources_or_its_limit_change(system_files: SystemFiles, tmp_path: Path) -> None:
    assert load_summary(tmp_path, system_files) is None
    summary = build_catalogue(tmp_path, system_files)
    assert load_summary(tmp_path, system_files) == summary
    assert load_summary(tmp_path, system_files, limit=3) is None
    assert load_summary(tmp_path, replace(system_files, annotations=())) is None


def test_building_again_leaves_nothing_of_before_and_nothing_of_others(
    system_files: SystemFiles, tmp_path: Path
) -> None:
    build_catalogue(tmp_path, system_files)
    (tmp_path / "img" / "old.png").write_bytes(b"")
    (tmp_path / "mine.json").write_text("{}", encoding="utf-8")
    summary = build_catalogue(tmp_path, system_files, limit=2)
    assert summary.entities == 2
    assert not (tmp_path / "img" / "old.png").exists()
    assert (tmp_path / "mine.json").exists()


@pytest.mark.skipif(
    INSTALLED.font is None or INSTALLED.espeak is None, reason="font or voices are not installed"
)
def test_media_and_queries_kept_aside(system_files: SystemFiles, tmp_path: Path) -> None:
    files = replace(system_files, font=INSTALLED.font, espeak=INSTALLED.espeak)
    seen: dict[str, int] = {}
    summary = build_catalogue(
        tmp_path / "a", files, report=lambda stage, done, total: seen.__setitem__(stage, done)
    )
    assert (summary.pictures, summary.recordings, summary.variant_queries) == (5, 10, 2)
    assert seen == {"pictures": 7, "spoken names": 11}
    records = _lines(tmp_path / "a" / MANIFEST)
    used = {path for record in records for path in record["image"]}
    used |= {sound["path"] for record in records for sound in record["audio"]}
    variants = {query["image"]: query["expect"] for query in _lines(tmp_path / "a" / VARIANT_QUERIES)}
    assert set(map(tuple, variants.values())) == {("emoji:1F469",), ("emoji:1F469-200D-1F680",)}
    spoken = {query["audio"] for query in _lines(tmp_path / "a" / SPOKEN_QUERIES)}
    assert len(spoken) == 1
    assert not used & (set(variants) | spoken)
    assert all((tmp_path / "a" / path).is_file() for path in used | set(variants) | spoken)

    build_catalogue(tmp_path / "b", files)
    assert _digests(tmp_path / "a") == _digests(tmp_path / "b")
