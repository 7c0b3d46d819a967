"""Pictures and sounds of entities, small enough for a notebook page."""

from __future__ import annotations

import base64
import io
from dataclasses import dataclass

__all__ = ["Medium", "thumbnail"]

_THUMBNAIL_PX = 96


@dataclass(frozen=True)
class Medium:
    """The encoded content of one asset."""

    #: image or audio.
    modality: str
    media_type: str
    content: bytes

    @property
    def data_uri(self) -> str:
        """The content as a `data:` URI."""
        return f"data:{self.media_type};base64,{base64.b64encode(self.content).decode('ascii')}"


def thumbnail(medium: Medium, side_px: int = _THUMBNAIL_PX) -> Medium:
    """The picture as PNG, at most `side_px` wide and high."""
    from PIL import Image

    with Image.open(io.BytesIO(medium.content)) as image:
        small = image.convert("RGBA")
    small.thumbnail((side_px, side_px))
    buffer = io.BytesIO()
    small.save(buffer, format="PNG")
    return Medium("image", "image/png", buffer.getvalue())
