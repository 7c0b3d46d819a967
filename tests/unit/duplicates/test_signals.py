"""What the signals take for one and for two."""

from __future__ import annotations

import io
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image, ImageEnhance

from chiasm.duplicates.signals import pictures, sounds, texts
from chiasm.duplicates.signals.index import equal_numbers, hamming_pairs, offsets_in_common

Pixels = NDArray[np.uint8]


def photograph(seed: int, side: int = 160) -> Image.Image:
    rough = np.random.default_rng(seed).integers(0, 255, size=(6, 6, 3), dtype=np.uint8)
    return Image.fromarray(rough).resize((side, side), Image.Resampling.BICUBIC)


def jpeg(image: Image.Image) -> Image.Image:
    data = io.BytesIO()
    image.save(data, "JPEG", quality=40)
    return Image.open(io.BytesIO(data.getvalue())).convert("RGB")


def turned_colours(image: Image.Image) -> Image.Image:
    """Other colours of the same grey."""
    one = np.asarray(image).astype(np.float64)
    grey = one @ np.array([0.299, 0.587, 0.114])
    other = np.stack([grey * 0.4, grey * 1.2, grey * 1.05], axis=2)
    return Image.fromarray(np.clip(other, 0, 255).astype(np.uint8))


@pytest.mark.parametrize(
    ("change", "low", "high"),
    [
        (lambda image: image, 0.96, 1.0),
        (jpeg, 0.9, 1.0),
        (lambda image: image.resize((80, 80)), 0.9, 1.0),
        (lambda image: image.resize((120, 200)), 0.9, 1.0),
        (lambda image: ImageEnhance.Brightness(image).enhance(0.9), 0.9, 1.0),
        (turned_colours, 0.0, 0.85),
        (lambda image: image.transpose(Image.Transpose.FLIP_LEFT_RIGHT), 0.0, 0.2),
        (lambda image: photograph(77), 0.0, 0.2),
    ],
    ids=["same", "jpeg", "half", "stretched", "darker", "colours", "mirrored", "other"],
)
def test_pictures(change: Callable[[Image.Image], Image.Image], low: float, high: float) -> None:
    confidences = []
    for seed in range(8):
        one = pictures.picture_of(np.asarray(photograph(seed)))
        other = pictures.picture_of(np.asarray(change(photograph(seed))))
        assert one is not None and other is not None
        confidence, bits = pictures.alike(one, other)
        assert (confidence, bits) == pytest.approx(pictures.alike(other, one), abs=0.05)
        confidences.append(confidence)
    assert low <= float(np.median(confidences)) <= high


def test_a_picture_is_stored_as_it_is() -> None:
    picture = pictures.picture_of(np.asarray(photograph(5)))
    assert picture is not None
    again = pictures.Picture.from_bytes(picture.to_bytes())
    assert again.hash == picture.hash and (again.colours == picture.colours).all()
    # Pinned: a change of the computation needs another KIND.
    assert (pictures.KIND, picture.hash) == ("picture-1", PINNED)


PINNED = 14663778021750048663


@pytest.mark.parametrize("shade", [0, 128, 255])
def test_a_blank_picture_has_no_hash(shade: int) -> None:
    assert pictures.picture_of(np.full((50, 70, 3), shade, dtype=np.uint8)) is None


@given(st.integers(0, 2**31), st.integers(0, 60))
@settings(max_examples=25, deadline=None)
def test_the_index_finds_all_near_hashes(seed: int, near: int) -> None:
    rng = np.random.default_rng(seed)
    hashes = rng.integers(0, 2**63, size=60, dtype=np.uint64)
    for at in range(near):
        bits = rng.choice(64, size=int(rng.integers(0, 16)), replace=False)
        hashes[at] = hashes[-1 - at % 7] ^ np.bitwise_or.reduce(
            np.uint64(1) << bits.astype(np.uint64), initial=0
        )
    apart = np.bitwise_count(hashes[:, None] ^ hashes[None, :])
    wanted = {(i, j) for i, j in np.argwhere(apart <= 11).tolist() if i < j}
    assert {(i, j) for i, j in hamming_pairs(hashes, 11).tolist()} == wanted


def test_the_indexes_of_nothing() -> None:
    assert hamming_pairs(np.zeros(0, dtype=np.uint64), 11).shape == (0, 2)
    assert list(equal_numbers(np.zeros((0, 16), dtype=np.uint64))) == []
    assert offsets_in_common([], sounds.SILENT) == {}
    silence = np.zeros(50, dtype=np.uint32)
    assert offsets_in_common([silence, silence], sounds.SILENT) == {}


RATE = 16_000


def noise(seed: int, seconds: float = 5.0) -> NDArray[np.float32]:
    rng = np.random.default_rng(seed)
    wave = rng.normal(size=int(seconds * RATE))
    swell = 1 + 0.8 * np.sin(2 * np.pi * rng.uniform(1, 3) * np.arange(len(wave)) / RATE)
    return (0.1 * wave * swell).astype(np.float32)


def best(one: NDArray[np.uint32], other: NDArray[np.uint32]) -> tuple[float, int]:
    found = offsets_in_common([one, other], sounds.SILENT).get((0, 1), [])
    tried = [sounds.overlap(one, other, near) for at in found for near in (at - 1, at, at + 1)]
    return max(((sounds.alike(one), one.offset) for one in tried), default=(0.0, 0))


@pytest.mark.parametrize(
    ("change", "same"),
    [
        (lambda wave: wave, True),
        (lambda wave: 0.2 * wave, True),
        (lambda wave: wave[7_777:], True),
        (lambda wave: wave[: 3 * RATE], True),
        (lambda wave: np.concatenate([np.zeros(9_999, np.float32), wave]), True),
        (lambda wave: np.round(wave * 512).astype(np.float32) / 512, True),
        (lambda wave: wave[::-1].copy(), False),
        (lambda wave: noise(99), False),
        (lambda wave: wave[: RATE // 2], False),
    ],
    ids=["same", "quieter", "later", "cut", "silence-first", "coarse", "backwards", "other", "too-short"],
)
def test_sounds(change: Callable[[NDArray[np.float32]], NDArray[np.float32]], same: bool) -> None:
    for seed in range(4):
        one = sounds.frames_of(noise(seed), RATE)
        other = sounds.frames_of(change(noise(seed)), RATE)
        confidence, _ = best(one, other)
        assert (confidence > 0.9) == same, (seed, confidence)
        assert same or confidence < 0.2


def test_the_offset_is_where_it_begins() -> None:
    _, offset = best(sounds.frames_of(noise(1)[12_800:], RATE), sounds.frames_of(noise(1), RATE))
    # .8 s in steps of 128 samples at 5512 Hz.
    assert abs(offset - 0.8 * 5512 / 128) <= 1


@pytest.mark.parametrize("wave", [np.zeros(2 * RATE, np.float32), np.zeros(10, np.float32), noise(1, 0.1)])
def test_silence_and_crumbs_have_no_frames(wave: NDArray[np.float32]) -> None:
    assert len(sounds.frames_of(wave, RATE)) == 0


SENTENCE = "The quick brown fox jumps over the lazy dog while the slow red hen sits in the green tree."


@pytest.mark.parametrize(
    ("other", "low", "high"),
    [
        (SENTENCE, 1.0, 1.0),
        (SENTENCE.upper().replace(" ", "  "), 1.0, 1.0),
        (SENTENCE.replace("quick", "quiet"), 0.8, 0.95),
        (SENTENCE[:60], 0.5, 0.75),
        ("Nothing of what is written here stands in the other one, and that is as it should be.", 0.0, 0.1),
    ],
)
def test_texts(other: str, low: float, high: float) -> None:
    one, two = (texts.shingles(texts.plain(text)) for text in (SENTENCE, other))
    common = texts.resemblance(one, two)
    assert low <= common <= high
    bands = np.stack([texts.bands_of(one), texts.bands_of(two)])
    found = any(group == [0, 1] for group in equal_numbers(bands))
    assert found == (common > 0.5) or 0.4 < common < 0.75


def test_the_signature_agrees_as_often_as_the_sets_overlap() -> None:
    """Of 64 orders, the share with one first shingle estimates the resemblance."""
    words = [f"word{n}" for n in range(300)]
    one, two = " ".join(words[:200]), " ".join(words[20:220])
    common = texts.resemblance(texts.shingles(one), texts.shingles(two))
    groups = list(equal_numbers(np.stack([texts.bands_of(texts.shingles(text)) for text in (one, two)])))
    assert 0.75 < common < 0.95
    # 16 bands of four: the expected number of equal ones is 16 r^4.
    assert abs(len(groups) - 16 * common**4) <= 6
