"""Pictures of emoji, rendered from the colour bitmaps of Noto Color Emoji."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from functools import cache
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont, features

__all__ = ["can_join", "draw", "render"]

#: The only size at which the font has bitmaps, and the box of one of them.
_STRIKE = 109
_BOX = (136, 128)
SIDE = 128


def can_join() -> bool:
    """Whether joined sequences (families, professions, flags) can be laid out as one picture."""
    return bool(features.check("raqm"))


def draw(font_path: Path, char: str) -> Image.Image | None:
    """One emoji as an RGBA picture of 128 x 128 pixels; None if the font has no single picture of it."""
    font = _font(font_path)
    # A sequence the font does not know is laid out as several glyphs side by side.
    if font.getlength(char) > _BOX[0] + 1:
        return None
    picture = Image.new("RGBA", _BOX, (0, 0, 0, 0))
    ImageDraw.Draw(picture).text((0, 0), char, font=font, embedded_color=True)
    if picture.getbbox() is None:
        return None
    left = (_BOX[0] - SIDE) // 2
    return picture.crop((left, 0, left + SIDE, SIDE))


def render(font_path: Path, wanted: Mapping[str, Path], processes: int) -> Iterator[tuple[str, bool]]:
    """Writes one PNG for each emoji that the font can draw.

    Args:
        font_path: The font.
        wanted: Emoji -> file to write.
        processes: How many to draw with.

    Yields:
        The emoji and whether its file was written, in the order wanted.
    """
    jobs = [(font_path, char, path) for char, path in wanted.items()]
    with ProcessPoolExecutor(processes) as pool:
        yield from zip(wanted, pool.map(_render_one, jobs, chunksize=32), strict=True)


def _render_one(job: tuple[Path, str, Path]) -> bool:
    font_path, char, path = job
    picture = draw(font_path, char)
    if picture is not None:
        picture.save(path, compress_level=6)
    return picture is not None


@cache
def _font(path: Path) -> ImageFont.FreeTypeFont:
    engine = ImageFont.Layout.RAQM if can_join() else ImageFont.Layout.BASIC
    return ImageFont.truetype(str(path), _STRIKE, layout_engine=engine)
