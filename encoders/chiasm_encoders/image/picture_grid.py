"""Pictures as the grid that a distilled student sees."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from torch import Tensor

from chiasm_encoders.image.orientation import orientation_channels
from chiasm_encoders.image.preprocess import checked_picture, picture_tensor, square_picture

__all__ = ["PictureGrid"]


class PictureGrid:
    """From pictures to squares, which are small enough to keep, and from squares to a net's input.

    Args:
        size: Pixels along a side.
    """

    #: Of the net's input: colour, edge strength, and its cosine and sine.
    channels = 6
    #: Channels of that cosine and sine.
    orientation = (4, 5)

    def __init__(self, size: int) -> None:
        self.size = size

    def kept(self, pictures: Sequence[Any]) -> npt.NDArray[np.uint8]:
        """Squares `(batch, size, size, 3)`.

        Raises:
            EncoderInputError: An item is no picture.
        """
        return np.stack([square_picture(checked_picture(picture), self.size) for picture in pictures])

    def grid(self, kept: npt.NDArray[Any]) -> Tensor:
        """What a net takes of squares, `(batch, 6, size, size)`."""
        return orientation_channels(picture_tensor(kept))

    def settings(self) -> dict[str, Any]:
        """Arguments that make it again."""
        return {"size": self.size}
