"""Duplicates on real pictures and sounds: what the default threshold finds, and what it takes for the same.

`python -m benchmarks.duplicates [--json FILE]`. Each signal stands alone: an entity is one picture, one sound or one
title, so nothing else can help. The changed copies are made here and are the same in every run.
"""

from __future__ import annotations

import argparse
import io
import re
from collections.abc import Callable, Iterator, Mapping
from itertools import combinations
from pathlib import Path

import numpy as np
import soundfile
from PIL import Image, ImageEnhance

from benchmarks.rows import Row, print_rows, write_rows
from benchmarks.shared_data import read_lines, shared_data
from chiasm.duplicates.confidence import letters, shared
from chiasm.duplicates.signals import pictures, sounds
from chiasm.duplicates.signals.index import hamming_pairs, offsets_in_common
from chiasm.media.pictures import decode_image
from chiasm.media.sounds import read_samples

THRESHOLD = 0.9
_COPIES = 300
_TAKE = re.compile(r"\d-(\d+)-[A-Z]")

Pair = tuple[str, str]


def main() -> None:
    """Print the rows."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", type=Path, default=None)
    arguments = parser.parse_args()
    data = shared_data()
    rows = [*picture_rows(data / "emoji"), *sound_rows(data / "sounds")]
    print_rows(rows)
    write_rows(rows, arguments.json)


def picture_rows(folder: Path) -> Iterator[Row]:
    """Changed copies and variants of the emoji among all the others."""
    whole = {
        record["key"]: decode_image((folder / record["image"][0]).read_bytes(), max_side=256)
        for record in read_lines(folder / "emoji.jsonl")
    }
    rng = np.random.default_rng(0)
    chosen = sorted(rng.choice(sorted(whole), size=_COPIES, replace=False).tolist())
    for name, change in _PICTURES.items():
        copies = {f"copy:{key}": (key, change(Image.fromarray(whole[key]))) for key in chosen}
        yield from _picture_figures(f"duplicates_picture_{name}", whole, copies)
    variants = {
        f"variant:{number}": (
            query["expect"][0],
            decode_image((folder / query["image"]).read_bytes(), max_side=256),
        )
        for number, query in enumerate(read_lines(folder / "queries-variant.jsonl"))
    }
    yield from _picture_figures("duplicates_picture_variant", whole, variants)
    yield from _picture_figures("duplicates_picture_variant_at_.5", whole, variants, 0.5)
    found = _alike_pictures(_printed(whole), THRESHOLD)
    yield Row(
        "duplicates_picture_pairs_of_catalogue",
        float(len(found)),
        "pairs",
        f"of {len(whole)} pictures, unlabelled",
    )


def _picture_figures(
    name: str,
    whole: Mapping[str, np.ndarray],
    copies: Mapping[str, tuple[str, np.ndarray]],
    least: float = THRESHOLD,
) -> Iterator[Row]:
    printed = _printed({**whole, **{copy: pixels for copy, (_, pixels) in copies.items()}})
    found = _alike_pictures(printed, least)
    wanted = {_pair(copy, key) for copy, (key, _) in copies.items()}
    # Copies of one picture, and pairs within the catalogue, are no question here.
    concerned = {two for two in found if sum(one in copies for one in two) == 1}
    # Pictures of the catalogue that are taken for each other already make no new mistake.
    yield from _figures(name, wanted, concerned)


def _printed(whole: Mapping[str, np.ndarray]) -> dict[str, pictures.Picture]:
    made = {key: pictures.picture_of(pixels) for key, pixels in whole.items()}
    return {key: one for key, one in sorted(made.items()) if one is not None}


def _alike_pictures(printed: Mapping[str, pictures.Picture], least: float) -> set[Pair]:
    names = list(printed)
    hashes = np.array([printed[name].hash for name in names], dtype=np.uint64)
    return {
        _pair(names[one], names[other])
        for one, other in hamming_pairs(hashes, pictures.RADIUS).tolist()
        if pictures.alike(printed[names[one]], printed[names[other]])[0] >= least
    }


def sound_rows(folder: Path) -> Iterator[Row]:
    """Changed copies of the clips among all the others; takes of one recording, by sound and by title."""
    records = read_lines(folder / "sounds.jsonl")
    whole = {record["key"]: read_samples((folder / record["audio"][0]).read_bytes()) for record in records}
    for name, change in _SOUNDS.items():
        copies = {f"copy:{key}": change(*whole[key]) for key in sorted(whole)}
        found = _alike_sounds({**whole, **copies})
        wanted = {_pair(copy, copy.removeprefix("copy:")) for copy in copies}
        yield from _figures(f"duplicates_sound_{name}", wanted, {two for two in found if _is_copy(two)})
    takes = {
        _pair(*two) for two in combinations(sorted(whole), 2) if _recording(two[0]) == _recording(two[1])
    }
    yield from _figures("duplicates_sound_takes", takes, _alike_sounds(whole))
    yield from _figures("duplicates_title_takes_at_.5", takes, _same_titles(records, 0.5))


def _alike_sounds(whole: Mapping[str, tuple[np.ndarray, int]]) -> set[Pair]:
    frames = {key: sounds.frames_of(*sound) for key, sound in sorted(whole.items())}
    names, listed = list(frames), list(frames.values())
    found = set()
    for (one, other), offsets in offsets_in_common(listed, sounds.SILENT).items():
        tried = {near for offset in offsets for near in (offset - 1, offset, offset + 1)}
        if max(sounds.alike(sounds.overlap(listed[one], listed[other], at)) for at in tried) >= THRESHOLD:
            found.add(_pair(names[one], names[other]))
    return found


def _same_titles(records: list[dict], least: float) -> set[Pair]:
    holders: dict[str, list[str]] = {}
    for record in records:
        holders.setdefault(record["title"], []).append(record["key"])
    return {
        _pair(*two)
        for title, keys in holders.items()
        if len(keys) > 1 and shared(len(keys), letters(title)) >= least
        for two in combinations(sorted(keys), 2)
    }


def _figures(name: str, wanted: set[Pair], found: set[Pair]) -> Iterator[Row]:
    right = len(wanted & found)
    yield Row(f"{name}_recall", right / max(1, len(wanted)), n=len(wanted))
    yield Row(f"{name}_precision", right / max(1, len(found)), n=len(found))


def _pair(one: str, other: str) -> Pair:
    return (one, other) if one < other else (other, one)


def _is_copy(two: Pair) -> bool:
    return sum(one.startswith("copy:") for one in two) == 1


def _recording(key: str) -> str:
    found = _TAKE.search(key)
    return found[1] if found else key


def _jpeg(image: Image.Image) -> np.ndarray:
    data = io.BytesIO()
    image.save(data, "JPEG", quality=40)
    return decode_image(data.getvalue())


def _cropped(image: Image.Image) -> np.ndarray:
    width, height = image.size
    return np.asarray(image.crop((width // 50, height // 50, width - width // 50, height - height // 50)))


def _encoded(samples: np.ndarray, rate_hz: int, form: str) -> tuple[np.ndarray, int]:
    data = io.BytesIO()
    soundfile.write(data, samples, rate_hz, format=form)
    return read_samples(data.getvalue())


_PICTURES: dict[str, Callable[[Image.Image], np.ndarray]] = {
    "jpeg40": _jpeg,
    "half": lambda image: np.asarray(image.resize((image.width // 2, image.height // 2))),
    "darker": lambda image: np.asarray(ImageEnhance.Brightness(image).enhance(0.92)),
    "cropped2": _cropped,
}
_SOUNDS: dict[str, Callable[[np.ndarray, int], tuple[np.ndarray, int]]] = {
    "ogg": lambda samples, rate_hz: _encoded(samples, rate_hz, "OGG"),
    "mp3_later_quieter": lambda samples, rate_hz: _encoded(
        0.5 * samples[int(0.73 * rate_hz) :], rate_hz, "MP3"
    ),
    "middle": lambda samples, rate_hz: (samples[rate_hz : 4 * rate_hz], rate_hz),
}

if __name__ == "__main__":
    main()
