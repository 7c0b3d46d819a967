"""Finding: what is alike is found whatever it is alike in, what is common is not, and decisions last."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from PIL import Image
from sqlalchemy import func, select
from tests.integration.ingest.conftest import Home
from tests.integration.ingest.test_units import manifest

from chiasm import duplicates, ingest
from chiasm.catalog.models import Asset, DuplicatePair, Fingerprint
from chiasm.duplicates import prints
from chiasm.errors import NotFoundError, UsageError

from .conftest import find, merge, pairs, unmerge

LONG = "A small bell of bronze, cast in the eighteenth century, with the maker's mark upon its rim."
NEARLY = "A small bell of bronze, cast in the eighteenth century, with a maker's mark upon its rim!"


def picture(seed: int) -> Image.Image:
    """Smooth and coloured, as a photograph is."""
    rough = np.random.default_rng(seed).integers(0, 255, size=(6, 6, 3), dtype=np.uint8)
    return Image.fromarray(rough).resize((160, 160), Image.Resampling.BICUBIC)


def sound(seed: int, seconds: float = 4.0, rate_hz: int = 16_000) -> np.ndarray:
    """Noise whose colour changes, as speech and birds do."""
    rng = np.random.default_rng(seed)
    noise = rng.normal(size=int(seconds * rate_hz)).astype(np.float32)
    spectrum = np.fft.rfft(noise)
    hz = np.fft.rfftfreq(len(noise), 1 / rate_hz)
    spectrum *= np.exp(-(((hz - rng.uniform(600, 1400)) / 700) ** 2))
    wave = np.fft.irfft(spectrum, len(noise))
    swell = 1 + 0.8 * np.sin(2 * np.pi * rng.uniform(1, 3) * np.arange(len(wave)) / rate_hz)
    return (0.2 * wave * swell / np.abs(wave).max()).astype(np.float32)


def write(folder: Path) -> Path:
    folder.mkdir()
    first = picture(1)
    first.save(folder / "a.png")
    first.resize((120, 120)).save(folder / "a.jpg", quality=60)
    Image.fromarray(np.asarray(first)[:, :, ::-1].copy()).save(folder / "a-blue.png")
    picture(2).save(folder / "b.png")
    Image.new("RGB", (64, 64), "white").save(folder / "blank.png")
    Image.new("RGB", (65, 65), "white").save(folder / "blank2.png")
    wave = sound(3)
    soundfile.write(folder / "s.wav", wave, 16_000)
    soundfile.write(folder / "s.ogg", 0.5 * wave[6_400:], 16_000)
    soundfile.write(folder / "t.wav", sound(4), 16_000)
    common: dict[str, Any] = {"domain": "d"}
    return manifest(
        folder,
        {"key": "image", "title": "picture one", "image": ["a.png"], **common},
        {"key": "image-again", "title": "another name", "image": ["a.jpg"], **common},
        {"key": "image-blue", "title": "colours turned", "image": ["a-blue.png"], **common},
        {"key": "image-other", "title": "picture two", "image": ["b.png"], **common},
        {"key": "sound", "title": "sound one", "audio": ["s.wav"], **common},
        {"key": "sound-again", "title": "cut and quieter", "audio": ["s.ogg"], **common},
        {"key": "sound-other", "title": "something else", "audio": ["t.wav"], **common},
        {"key": "text", "title": LONG, **common},
        {"key": "text-again", "title": NEARLY, **common},
        {"key": "same", "title": "exactly", "image": ["b.png"], "domain": "e"},
        {"key": "blank", "title": "first sheet", "image": ["blank.png"], **common},
        {"key": "blank-again", "title": "second sheet", "image": ["blank2.png"], **common},
        *({"key": f"dog{n}", "title": "dog", **common} for n in range(8)),
    )


@pytest.fixture
def filled(home: Home, tmp_path: Path) -> Home:
    home.ingest(write(tmp_path / "data"))
    return home


def keyed(rows: list[dict[str, Any]]) -> dict[tuple[str, ...], dict[str, Any]]:
    return {tuple(sorted(row["keys"])): row for row in rows}


def test_what_is_alike_is_found_and_what_is_common_is_not(filled: Home) -> None:
    rows = keyed(find(filled, min_confidence=0.6))
    assert rows.keys() == {
        ("image", "image-again"),
        ("sound", "sound-again"),
        ("text", "text-again"),
        ("image-other", "same"),
    }
    signals = {pair: [(m, one["signal"]) for m, one in row["evidence"].items()] for pair, row in rows.items()}
    assert signals == {
        ("image", "image-again"): [("image", "look")],
        ("sound", "sound-again"): [("audio", "sound")],
        ("text", "text-again"): [("text", "text")],
        ("image-other", "same"): [("image", "same")],
    }
    assert all(0.6 <= row["confidence"] < 1 for row in rows.values())
    confidences = [row["confidence"] for row in pairs(filled)]
    assert confidences == sorted(confidences, reverse=True)


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ({"domain": "d"}, {"image", "sound"}),
        ({"domain": "e"}, set()),
        ({"modality": "image"}, {"image", "image-other"}),
        ({"modality": "audio"}, {"sound"}),
        ({"modality": "text", "min_confidence": 0.5}, {"text"}),
        ({"min_confidence": 0.97}, {"image-other"}),
    ],
)
def test_within_a_scope(filled: Home, asked: dict[str, Any], found: set[str]) -> None:
    assert {pair[0] for pair in keyed(find(filled, **asked))} == found


def test_nothing_is_decoded_twice(filled: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    first = find(filled)
    with filled.catalog.read() as session:
        kept = session.scalar(select(func.count()).select_from(Fingerprint))
    assert kept == 9
    monkeypatch.setattr(prints, "make_prints", lambda *given: pytest.fail("decoded again"))
    monkeypatch.setattr("chiasm.duplicates.units.make_prints", lambda *given: pytest.fail("decoded again"))
    again = find(filled)
    assert [row["keys"] for row in again] == [row["keys"] for row in first]


def test_decisions_last(filled: Home) -> None:
    find(filled, min_confidence=0.6)
    duplicates.dismiss(filled.catalog, filled.workspace_id, "text-again", "text")
    merge(filled, "image", "image-again")
    left = {("image-other", "same"), ("sound", "sound-again")}
    assert keyed(find(filled, min_confidence=0.6)).keys() == left
    assert keyed(pairs(filled, state="dismissed")).keys() == {("text", "text-again")}
    assert keyed(pairs(filled, state="merged")).keys() == {("image", "image-again")}
    unmerge(filled, "image-again")
    assert keyed(find(filled, min_confidence=0.6)).keys() == {*left, ("image", "image-again")}


def test_what_is_no_pair_any_more_goes(filled: Home, tmp_path: Path) -> None:
    find(filled, min_confidence=0.6)
    other = {"key": "image-again", "image": [], "domain": "d"}
    filled.ingest(manifest(tmp_path / "data", other, name="again.jsonl"))
    ingest.delete_entity(filled.catalog, filled.workspace_id, "sound")
    with filled.catalog.read() as session:
        # Deleted with the entity, not at the next search.
        assert session.scalar(select(func.count()).select_from(DuplicatePair)) == 3
    assert keyed(find(filled)).keys() == {("image-other", "same"), ("text", "text-again")}, (
        "less sure ones stay"
    )
    duplicates.dismiss(filled.catalog, filled.workspace_id, "text", "text-again")
    assert keyed(find(filled, min_confidence=0.6)).keys() == {("image-other", "same")}
    with filled.catalog.read() as session:
        named = select(Asset.id).where(Asset.sha256 == Fingerprint.sha256)
        assert session.scalars(select(Fingerprint.sha256).where(~named.exists())).all() == []


def test_a_broken_picture_spoils_nothing(home: Home, tmp_path: Path) -> None:
    path = write(tmp_path / "data")
    data = io.BytesIO()
    picture(9).save(data, "PNG")
    (tmp_path / "data/broken.png").write_bytes(data.getvalue()[:200])
    bad = {"key": "bad", "title": "bad one", "image": ["broken.png"]}
    home.ingest(path, manifest(tmp_path / "data", bad, name="bad.jsonl"))
    with home.catalog.write() as session:
        # As when a picture is looked at before it is embedded.
        for asset in session.scalars(select(Asset).where(Asset.state == "failed")):
            asset.state = "waiting"
    assert ("image", "image-again") in keyed(find(home))


@pytest.mark.parametrize(
    ("asked", "error"),
    [
        ({"domain": "zebra"}, NotFoundError),
        ({"modality": "smell"}, UsageError),
        ({"min_confidence": 0.0}, UsageError),
        ({"min_confidence": 1.5}, UsageError),
        ({"min_confidence": float("nan")}, UsageError),
    ],
)
def test_what_cannot_be_asked(home: Home, asked: dict[str, Any], error: type[Exception]) -> None:
    with pytest.raises(error):
        find(home, **asked)


def test_asking_twice_with_a_key_is_one_job(filled: Home) -> None:
    first, second = (
        duplicates.submit_find(filled.settings, filled.catalog, filled.workspace_id, idempotency_key="x")
        for _ in range(2)
    )
    assert first == second
