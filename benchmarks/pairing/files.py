"""Files of the digits: what trains and what is asked."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Split", "digit_of", "speaker_of", "split", "things"]


@dataclass(frozen=True)
class Split:
    """Files to train on and files to ask."""

    known: list[Path]
    takes: list[Path]
    pictures: list[Path]


def digit_of(path: Path) -> int:
    """The digit that a file shows or says."""
    return int(path.name[0])


def speaker_of(path: Path) -> str:
    """Who says it."""
    return path.stem.split("_")[1]


def split(folder: Path, *, without: str | None = None, valid: bool = False) -> Split:
    """Training files, and those that are asked; of a speaker left out all takes are, and a fifth of the pictures.

    Args:
        folder: Of the digits.
        without: Speaker to leave out of training.
        valid: Whether to ask held-out training files.
    """
    takes = sorted((folder / "wav").glob("*.wav"))
    part = "train" if valid else "test"
    pictures = sorted((folder / "png").glob(f"*-{part}-*.png"))
    asked_pictures = pictures[::5] if valid else pictures
    known_pictures = sorted(set((folder / "png").glob("*-train-*.png")) - set(asked_pictures))

    def number(path: Path) -> int:
        return int(path.stem.split("_")[2])

    if valid:
        takes = [path for path in takes if number(path) >= 10]
    if without is None:
        asked = [path for path in takes if number(path) < (15 if valid else 10)]
    else:
        asked = [path for path in takes if speaker_of(path) == without]
        asked_pictures = asked_pictures if valid else asked_pictures[::5]
    left = set(asked) | {path for path in takes if number(path) < 10}
    return Split([*(path for path in takes if path not in left), *known_pictures], asked, asked_pictures)


def things(files: Split) -> list[tuple[Path, Path]]:
    """Each picture with a take of its digit, takes in turn."""
    takes: dict[int, list[Path]] = defaultdict(list)
    for take in files.takes:
        takes[digit_of(take)].append(take)
    pairs = []
    for place, picture in enumerate(files.pictures):
        mine = takes[digit_of(picture)]
        pairs += [(picture, mine[place % len(mine)])] if mine else []
    return pairs
