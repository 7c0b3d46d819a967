"""What students of pictures and sounds are taught, and how they are built and exported."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from torch import Tensor, nn

from chiasm_encoders.audio.sound_grid import SoundGrid
from chiasm_encoders.distil.imitation import ImitationConfig, Lessons
from chiasm_encoders.distil.onnx_export import Exported, export_onnx
from chiasm_encoders.distil.teaching import Teaching
from chiasm_encoders.image.picture_grid import PictureGrid
from chiasm_encoders.nets.grid_net import GridNet, GridShape, build_grid_net
from chiasm_encoders.protocol import Vectors

__all__ = ["GridImitationConfig", "GridTeaching"]

#: Views that an export is calibrated and compared on.
_COMPARED = 256


@dataclass(frozen=True, kw_only=True)
class GridImitationConfig(ImitationConfig):
    """How students of pictures and sounds imitate."""

    epochs: int = 6
    max_steps: int = 4000
    batch: int = 128
    learning_rate: float = 3e-3
    weight_decay: float = 0.02
    warmup_steps: int = 50
    ema: float = 0.995
    #: Views of all items that the teacher is asked about, in all: as many of each as that makes.
    lessons: int = 24_000
    #: Strength of what tells a view from its item, 1 as tuned, 0 none.
    augment: float = 1.0
    #: Share of views that are mixed with another item's.
    mixed: float = 0.6


@dataclass(frozen=True, eq=False)
class GridTeaching(Teaching[GridShape]):
    """Views of pictures or sounds, and what the teacher says of them."""

    modality: str
    #: From what is kept of an item to what a net takes.
    grid: PictureGrid | SoundGrid
    #: What is kept of each view, `(lessons, ...)`; may be a memory map.
    views: npt.NDArray[Any]
    #: Unit vectors of the views by the teacher, `(lessons, dim)`.
    told: Vectors
    teacher: str
    #: Stands for the views in a run's identity.
    digest: str

    @property
    def dim(self) -> int:
        """Length of the teacher's vectors."""
        return int(self.told.shape[1])

    def lessons(self) -> Lessons:
        """Views as grids."""
        return Lessons(self._inputs, [self.told], self.digest)

    def identity(self) -> object:
        """How views become grids."""
        return self.settings()

    def built(self, shape: GridShape) -> GridNet:
        """A student with random weights."""
        return build_grid_net(shape, self.grid.channels, self.dim)

    def begun(self, shape: GridShape) -> GridNet:
        """A student whose cells begin with orientations where there are pictures."""
        net = self.built(shape)
        if isinstance(self.grid, PictureGrid):
            net.cells.begin_with_orientations(*self.grid.orientation)
        return net

    def exported(self, net: nn.Module) -> Exported:
        """The net for any number of grids, in 8 bits throughout."""
        some = np.unique(np.linspace(0, len(self.views) - 1, _COMPARED).astype(np.int64))
        example = {"grid": self.grid.grid(self.views[some])}
        return export_onnx(net, example, {"grid": ("batch",)}, calibrated=True)

    def settings(self) -> dict[str, Any]:
        """How items become grids."""
        return {"input": self.grid.settings()}

    def _inputs(self, items: Tensor) -> tuple[Tensor, ...]:
        rows = items.numpy()
        # In rising order: of a memory map, neighbours are read together.
        order = np.argsort(rows)
        back = np.argsort(order)
        return (self.grid.grid(self.views[rows[order]][back]),)
