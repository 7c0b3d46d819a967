"""The readers of the packages."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
import soundfile
from examples.emoji.sources import packages, pictures, speech
from examples.emoji.sources.cldr import Annotation, read_annotations
from examples.emoji.sources.emoji_list import Listed, base_of, list_emoji
from examples.emoji.sources.packages import SystemFiles, find_system_files, missing_packages

INSTALLED = find_system_files()


def test_list_has_fully_qualified_sequences_with_their_groups(system_files: SystemFiles) -> None:
    listed = {one.name: one for one in list_emoji(system_files.emoji_list)}
    assert len(listed) == 8
    assert listed["red heart"] == Listed("❤️", "red heart", "Smileys & Emotion", "heart", 0.6)
    assert [name for name, one in listed.items() if one.has_skin_tone] == [
        "woman: light skin tone",
        "woman: dark skin tone",
        "woman astronaut: medium",
    ]


@pytest.mark.parametrize(
    ("char", "key", "parts", "base"),
    [
        ("🐕", "emoji:1F415", ("🐕",), "🐕"),
        ("❤️", "emoji:2764", ("❤",), "❤"),
        ("👩‍🚀", "emoji:1F469-200D-1F680", ("👩", "🚀"), "👩‍🚀"),
        ("👩🏽‍🚀", "emoji:1F469-1F3FD-200D-1F680", ("👩🏽", "🚀"), "👩‍🚀"),
        ("🏳️‍🌈", "emoji:1F3F3-200D-1F308", ("🏳", "🌈"), "🏳‍🌈"),
    ],
)
def test_sequences(char: str, key: str, parts: tuple[str, ...], base: str) -> None:
    one = Listed(char, "")
    assert (one.key, one.parts, base_of(char)) == (key, parts, base)


def test_without_a_list_python_knows_many() -> None:
    names = {one.char: one.name for one in list_emoji(None)}
    assert names["🐕"] == "dog"
    assert len(names) > 1000
    assert not any(char in names for char in "🏻🏿")


def test_annotations_of_the_first_file_win_and_inherited_ones_are_left_out(system_files: SystemFiles) -> None:
    files = dict(system_files.annotations)
    english = read_annotations(files["en"])
    assert english["😀"] == Annotation("grinning face", ("face", "grin", "grinning face"))
    assert english["👩‍🚀"].name == "woman astronaut"
    assert read_annotations(files["de"])["👩"] == Annotation("Frau", ())


def test_says_what_is_missing(system_files: SystemFiles) -> None:
    assert set(missing_packages(system_files)) == {"fonts-noto-color-emoji", "espeak-ng"}
    assert set(missing_packages(SystemFiles())) == set(packages.PACKAGES)


def test_no_package_manager_is_no_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda name: None)
    assert find_system_files() == SystemFiles()


def test_digest_follows_the_contents(system_files: SystemFiles) -> None:
    before = system_files.digest()
    assert system_files.digest() == before
    assert system_files.emoji_list is not None
    system_files.emoji_list.write_text("# group: Other\n", encoding="utf-8")
    assert system_files.digest() != before


@pytest.mark.skipif(INSTALLED.font is None, reason="fonts-noto-color-emoji is not installed")
def test_draws_single_and_joined_emoji_but_nothing_unknown() -> None:
    assert INSTALLED.font is not None
    for char in ("🐕", "👩‍🚀", "🇩🇪", "❤️"):
        picture = pictures.draw(INSTALLED.font, char)
        assert picture is not None, char
        assert picture.size == (128, 128)
        alpha = np.asarray(picture)[..., 3]
        assert 0.2 < (alpha > 0).mean() < 1.0, char
    assert pictures.draw(INSTALLED.font, "🐕🐕") is None
    assert pictures.draw(INSTALLED.font, "\U000e0041") is None


@pytest.mark.skipif(INSTALLED.espeak is None, reason="espeak-ng is not installed")
def test_voices_differ_sound_and_repeat_themselves(tmp_path: Path) -> None:
    assert INSTALLED.espeak is not None
    voices = (*speech.VOICES, speech.JUDGING_VOICE)
    said = [
        speech.Utterance("grinning face", voice, tmp_path / f"{number}.flac")
        for number, voice in enumerate((*voices, voices[0]))
    ]
    assert all(heard for _, heard in speech.record(INSTALLED.espeak, said, threads=2))
    waves = []
    for utterance in said:
        samples, rate_hz = soundfile.read(utterance.path, dtype="float32")
        assert rate_hz == 16_000
        assert 0.4 < len(samples) / rate_hz < 2.5
        assert 0.02 < float(np.sqrt(np.mean(samples**2))) < 0.5
        waves.append(samples)
    assert len({wave.tobytes() for wave in waves[:3]}) == 3
    assert waves[3].tobytes() == waves[0].tobytes()


@pytest.mark.skipif(INSTALLED.espeak is None, reason="espeak-ng is not installed")
def test_nothing_to_say_gives_no_recording(tmp_path: Path) -> None:
    assert INSTALLED.espeak is not None
    said = [speech.Utterance("", speech.VOICES[0], tmp_path / "a.flac")]
    assert [heard for _, heard in speech.record(INSTALLED.espeak, said, threads=1)] == [False]
