"""Fixtures of all tests: a tiny linked, multimodal catalogue that is drawn and played, not stored."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from PIL import Image, ImageDraw
from tests.places import place
from tests.servers import (
    _with_schema,
    postgres,
    postgres_catalog_url,
    postgres_url,
    rabbitmq,
    rabbitmq_url,
    redis,
    redis_url,
)

__all__ = [
    "COLOURS",
    "QUICK",
    "SHAPES",
    "_with_schema",
    "draw",
    "place",
    "play",
    "postgres",
    "postgres_catalog_url",
    "postgres_url",
    "rabbitmq",
    "rabbitmq_url",
    "record",
    "redis",
    "redis_url",
    "write_catalogue",
]

COLOURS = {
    "red": (200, 30, 30),
    "green": (30, 160, 60),
    "blue": (40, 60, 200),
    "yellow": (230, 200, 30),
    "black": (20, 20, 20),
}
#: Shape and the pitch (Hz) of its sound.
SHAPES = {"circle": 220.0, "square": 330.0, "triangle": 495.0, "bar": 740.0, "ring": 1110.0}

#: Short training: the tests ask whether it works, the benchmarks how well.
QUICK = {
    "encoders.text_tuning": "{steps: 2}",
    "encoders.image.student": "{max_steps: 20, epochs: 20, warmup_steps: 2, widths: [16, 32], size: 32}",
    "encoders.audio.student": "{max_steps: 20, epochs: 20, warmup_steps: 2, widths: [16, 32]}",
    "training.epochs": "2",
}


def draw(shape: str, colour: str, side: int = 64) -> Image.Image:
    """A picture of a coloured shape on white."""
    picture = Image.new("RGB", (side, side), "white")
    pen, box = ImageDraw.Draw(picture), (side // 6, side // 6, side - side // 6, side - side // 6)
    fill = COLOURS[colour]
    if shape == "circle":
        pen.ellipse(box, fill=fill)
    elif shape == "square":
        pen.rectangle(box, fill=fill)
    elif shape == "triangle":
        pen.polygon([(side // 2, box[1]), (box[0], box[3]), (box[2], box[3])], fill=fill)
    elif shape == "bar":
        pen.rectangle((box[0], side // 2 - side // 10, box[2], side // 2 + side // 10), fill=fill)
    else:
        pen.ellipse(box, outline=fill, width=side // 8)
    return picture


def play(shape: str, colour: str, rate_hz: int = 16_000) -> np.ndarray:
    """Half a second: the pitch is the shape's, the tremolo the colour's, (samples,) float32."""
    seconds = np.arange(rate_hz // 2) / rate_hz
    tremolo = 1.0 + 0.5 * np.sin(2 * np.pi * (3 + 2 * list(COLOURS).index(colour)) * seconds)
    return (0.3 * tremolo * np.sin(2 * np.pi * SHAPES[shape] * seconds)).astype(np.float32)


def record(shape: str, colour: str) -> dict[str, Any]:
    """A manifest line with all modalities."""
    name = f"{colour}-{shape}"
    return {
        "key": f"toy:{name}",
        "domain": "toys",
        "title": f"{colour} {shape}",
        "text": [f"A {colour} {shape} made of wood."],
        "image": [f"img/{name}.png"],
        "audio": [f"snd/{name}.wav"],
        "attributes": {"colour": colour, "pitch": SHAPES[shape]},
        "relations": [
            {"predicate": "has_shape", "object": f"shape:{shape}"},
            {"predicate": "has_colour", "object": f"colour:{colour}"},
        ],
    }


def write_catalogue(folder: Path, records: list[dict[str, Any]]) -> Path:
    """A manifest and its media under `folder`; the manifest's path."""
    for kind in ("img", "snd"):
        (folder / kind).mkdir(parents=True, exist_ok=True)
    for item in records:
        colour, shape = item["key"].removeprefix("toy:").split("-")[:2]
        for path in item.get("image", []):
            draw(shape, colour).save(folder / path)
        for path in item.get("audio", []):
            soundfile.write(folder / path, play(shape, colour), 16_000)
    manifest = folder / "toys.jsonl"
    manifest.write_text("".join(json.dumps(item) + "\n" for item in records), encoding="utf-8")
    return manifest


@pytest.fixture(scope="session")
def toys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Manifest of 24 toys; `toy:ring-black`'s line is left out for those who add it later."""
    records = [
        record(shape, colour)
        for shape in SHAPES
        for colour in COLOURS
        if (shape, colour) != ("ring", "black")
    ]
    return write_catalogue(tmp_path_factory.mktemp("toys"), records)


@pytest.fixture(autouse=True, scope="session")
def _no_settings_from_outside() -> Iterator[None]:
    """Tests must not depend on the caller's CHIASM_ variables; the data folder is not a setting."""
    kept = {n: os.environ.pop(n) for n in list(os.environ) if n.startswith("CHIASM_") and "SHARED" not in n}
    yield
    os.environ.update(kept)


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Folder of the real data sets; tests that ask for it are skipped where it is absent."""
    default = Path(__file__).resolve().parents[2] / "shared" / "data"
    folder = Path(os.environ.get("CHIASM_SHARED_DATA", default))
    if not folder.is_dir():
        pytest.skip(f"no shared data at {folder}")
    return folder
