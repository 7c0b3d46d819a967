"""Pictures: bytes -> RGB array."""

from __future__ import annotations

import struct
import zlib
from io import BytesIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from chiasm.errors import MediaError
from chiasm.media.limits import MediaLimits
from chiasm.media.sniff import require

__all__ = ["decode_image"]

#: What Pillow's parsers raise on damaged or hostile files.
_BROKEN = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    EOFError,
    LookupError,
    OSError,
    RuntimeError,
    SyntaxError,
    TypeError,
    ValueError,
    struct.error,
    zlib.error,
)
_ORIENTATION_TAG = 0x0112


def decode_image(
    data: bytes, *, limits: MediaLimits | None = None, max_side: int | None = None
) -> NDArray[np.uint8]:
    """The picture as RGB, upright, its transparency over white; the first frame of an animation.

    Args:
        data: A PNG, JPEG, WebP, GIF, BMP or TIFF file.
        limits: Size limits; default `MediaLimits()`.
        max_side: Shrink so that no side is longer (pixels); default: as it is.

    Returns:
        (height, width, 3), uint8.

    Raises:
        MediaError: Too large, damaged, or not a picture.
    """
    limits = limits or MediaLimits()
    kind = require(data, "image")
    if len(data) > limits.max_bytes:
        raise MediaError(
            f"the picture has {len(data)} bytes, more than {limits.max_bytes}", remedy="shrink it"
        )
    try:
        with Image.open(BytesIO(data), formats=[kind.name]) as image:
            return _pixels(image, limits, max_side)
    except MediaError:
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise MediaError("the picture has far too many pixels", remedy="shrink it") from error
    except MemoryError as error:
        raise MediaError("the picture needs more memory than is allowed", remedy="shrink it") from error
    except _BROKEN as error:
        raise MediaError(
            f"the {kind.name} picture is damaged: {_reason(error)}", remedy="replace the file"
        ) from error


def _pixels(image: Image.Image, limits: MediaLimits, max_side: int | None) -> NDArray[np.uint8]:
    width, height = image.size
    if width * height > limits.max_pixels:
        raise MediaError(
            f"the picture has {width} x {height} pixels, more than {limits.max_pixels}", remedy="shrink it"
        )
    if max_side is not None:
        # JPEG decodes at 1/2, 1/4 or 1/8 for a fraction of the cost; twice the size leaves room to resample.
        image.draft("RGB", (2 * max_side, 2 * max_side))
    image.load()
    flat = _over_white(_upright(image))
    if max_side is not None and max(flat.size) > max_side:
        flat.thumbnail((max_side, max_side), Image.Resampling.BICUBIC)
    return np.array(flat, dtype=np.uint8)


def _upright(image: Image.Image) -> Image.Image:
    try:
        turned = image.getexif().get(_ORIENTATION_TAG, 1) != 1
    except _BROKEN:
        # A damaged EXIF block says nothing about the pixels: the picture is taken as it lies.
        return image
    return ImageOps.exif_transpose(image) if turned else image


def _over_white(image: Image.Image) -> Image.Image:
    if image.mode == "RGB" and "transparency" not in image.info:
        return image.copy()
    if image.mode[0] in "IF":
        return _eight_bits(image)
    if not image.has_transparency_data:
        return image.convert("RGB")
    front = image.convert("RGBA")
    white = Image.new("RGBA", front.size, (255, 255, 255, 255))
    return Image.alpha_composite(white, front).convert("RGB")


def _eight_bits(image: Image.Image) -> Image.Image:
    """Grey of 16 bits, 32 bits or floats; a plain `convert` would cut it at 255."""
    grey = np.nan_to_num(np.asarray(image, dtype=np.float32))
    if image.mode.startswith("I;16"):
        scaled = grey / 257.0
    else:
        low, high = float(grey.min()), float(grey.max())
        scaled = (grey - low) * (255.0 / (high - low) if high > low else 0.0)
    return Image.fromarray(scaled.astype(np.uint8)).convert("RGB")


def _reason(error: Exception) -> str:
    return str(error).split(" <")[0][:200] or type(error).__name__
