"""The shapes of image and audio students that a budget is tried on."""

from __future__ import annotations

from chiasm_encoders.nets.grid_net import GridShape

__all__ = ["AUDIO_SHAPES", "IMAGE_SHAPES"]

#: From small to large; who searches sorts them by their size.
IMAGE_SHAPES = (
    GridShape(kind="residual", widths=(12, 24, 48, 80), hidden=128, rank=128),
    GridShape(kind="residual", widths=(20, 40, 80, 112), hidden=224, rank=192),
    GridShape(kind="residual", widths=(32, 64, 128, 256), hidden=256, rank=256),
    GridShape(kind="residual", widths=(48, 96, 192, 384), hidden=320, rank=320),
    GridShape(kind="mobile", architecture="mobilenetv3_small_050", hidden=224),
    GridShape(kind="mobile", architecture="mobilenetv3_small_100", hidden=256, rank=256),
)


def _of_sounds(hidden: int, rank: int, *widths: int, architecture: str = "") -> GridShape:
    """A sound is the same at any moment: the raster of its cell features has rows of pitch and one column."""
    return GridShape(
        kind="mobile" if architecture else "residual",
        widths=widths,
        architecture=architecture,
        hidden=hidden,
        rank=rank,
        stem_stride=4,
        cell_channels=8,
        cells=(16, 1),
    )


AUDIO_SHAPES = (
    _of_sounds(48, 64, 8, 16, 32, 48),
    _of_sounds(64, 128, 16, 32, 64, 112),
    _of_sounds(96, 160, 24, 48, 96, 160),
    _of_sounds(128, 192, 32, 64, 128, 256),
    _of_sounds(96, 160, architecture="mobilenetv3_small_050"),
)
