"""An image student that was distilled: a small net in ONNX Runtime."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from chiasm_encoders.image.picture_grid import PictureGrid
from chiasm_encoders.onnx_student import OnnxStudent
from chiasm_encoders.protocol import Vectors, empty_vectors, normalised

__all__ = ["OnnxImageEncoder"]

#: Pictures that go through the net at once.
_BATCH = 32


class OnnxImageEncoder(OnnxStudent):
    """Pictures to vectors in the space of the teacher that it was distilled from.

    Arguments are those of `OnnxStudent`.
    """

    modality = "image"

    def __init__(self, folder: Path, config: Mapping[str, Any], fingerprint: str) -> None:
        super().__init__(folder, config, fingerprint)
        self._grid = PictureGrid(int(config["input"]["size"]))

    def encode(self, batch: Sequence[Any], /) -> Vectors:
        """Unit vectors of the pictures, `(batch, dim)`."""
        pieces = [empty_vectors(self.dim)]
        for start in range(0, len(batch), _BATCH):
            grid = self._grid.grid(self._grid.kept(batch[start : start + _BATCH]))
            pieces.append(normalised(self._session.run({"grid": grid.numpy()})))
        return np.concatenate(pieces)
