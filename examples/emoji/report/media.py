"""Pictures and sounds as data URIs, small enough to stand inside the page."""

from __future__ import annotations

import base64
import io
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
from PIL import Image

__all__ = ["Atlas", "Clip", "make_atlas", "make_clip", "thumbnail"]

#: Bars of a drawn waveform.
_BARS = 48


@dataclass(frozen=True)
class Atlas:
    """Many small pictures in one: number i stands in row i // columns, column i % columns."""

    uri: str
    cell: int
    columns: int


@dataclass(frozen=True)
class Clip:
    """A recording with what is needed to draw it."""

    uri: str
    seconds: float
    #: Loudness of 48 equal parts, in [0, 1].
    bars: tuple[float, ...]


def thumbnail(path: Path, side: int = 96) -> str:
    """A picture as a data URI of at most `side` pixels a side."""
    with Image.open(path) as picture:
        small = picture.convert("RGBA")
    small.thumbnail((side, side), Image.Resampling.LANCZOS)
    return _webp(small, quality=82)


def make_atlas(paths: Sequence[Path | None], cell: int = 40) -> Atlas:
    """All pictures in one, in their order; None leaves its cell empty."""
    columns = max(1, math.ceil(math.sqrt(len(paths))))
    rows = max(1, math.ceil(len(paths) / columns))
    sheet = Image.new("RGBA", (columns * cell, rows * cell), (0, 0, 0, 0))
    for index, path in enumerate(paths):
        if path is None:
            continue
        with Image.open(path) as picture:
            small = picture.convert("RGBA").resize((cell, cell), Image.Resampling.LANCZOS)
        sheet.paste(small, (index % columns * cell, index // columns * cell))
    return Atlas(_webp(sheet, quality=74), cell, columns)


def make_clip(path: Path) -> Clip:
    """A recording as an MP3 data URI, which every browser plays."""
    samples, rate_hz = soundfile.read(path, dtype="float32", always_2d=True)
    mono = samples.mean(axis=1)
    buffer = io.BytesIO()
    soundfile.write(buffer, mono, rate_hz, format="MP3", compression_level=0.8)
    loudness = np.array([float(np.abs(part).max(initial=0.0)) for part in np.array_split(mono, _BARS)])
    bars = loudness / max(float(loudness.max()), 1e-6)
    return Clip(_uri(buffer.getvalue(), "audio/mpeg"), len(mono) / rate_hz, tuple(bars.round(3).tolist()))


def _webp(picture: Image.Image, quality: int) -> str:
    buffer = io.BytesIO()
    picture.save(buffer, format="WEBP", quality=quality, method=4)
    return _uri(buffer.getvalue(), "image/webp")


def _uri(content: bytes, media_type: str) -> str:
    return f"data:{media_type};base64,{base64.b64encode(content).decode()}"
