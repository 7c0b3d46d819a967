"""What the digits' benchmark trains on and asks, and the figures of classes."""

from __future__ import annotations

from pathlib import Path

import pytest
from benchmarks.classes import accuracy, macro_f1
from benchmarks.pairing.files import digit_of, speaker_of, split, things
from sklearn.metrics import f1_score


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for kind in ("wav", "png"):
        (tmp_path / kind).mkdir()
    for digit in range(2):
        for speaker in ("ann", "bob"):
            for take in (0, 9, 10, 14, 15, 49):
                (tmp_path / "wav" / f"{digit}_{speaker}_{take}.wav").touch()
        for part in ("train", "test"):
            for number in range(10):
                (tmp_path / "png" / f"{digit}-{part}-{number}.png").touch()
    return tmp_path


def take(path: Path) -> int:
    return int(path.stem.split("_")[2])


@pytest.mark.parametrize("without", [None, "ann"])
@pytest.mark.parametrize("valid", [False, True])
def test_what_is_asked_was_not_trained_on(folder: Path, without: str | None, valid: bool) -> None:
    files = split(folder, without=without, valid=valid)
    known = set(files.known)
    assert not known & {*files.takes, *files.pictures}
    takes = [path for path in known if path.suffix == ".wav"]
    assert all(take(path) >= 10 for path in takes) and not any("-test-" in path.name for path in known)
    if without:
        assert {speaker_of(path) for path in takes} == {"bob"}
        assert {speaker_of(path) for path in files.takes} == {"ann"}
    if valid:
        assert all(take(path) >= 10 for path in files.takes)
        assert all("-train-" in path.name for path in files.pictures)


def test_each_picture_has_a_take_of_its_digit(folder: Path) -> None:
    files = split(folder)
    pairs = things(files)
    assert [picture for picture, _ in pairs] == files.pictures
    assert all(digit_of(picture) == digit_of(sound) for picture, sound in pairs)
    assert {sound for _, sound in pairs} == set(files.takes)


def test_macro_f1_is_that_of_the_classes_that_occur() -> None:
    truth, said = ["a", "a", "b", "c"], ["a", "b", "b", "d"]
    assert accuracy(said, truth) == 0.5
    expected = f1_score(truth, said, average="macro", labels=["a", "b", "c"], zero_division=0)
    assert macro_f1(said, truth) == pytest.approx(expected)
