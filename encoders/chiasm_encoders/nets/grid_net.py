"""Small nets from a grid, be it a picture or a spectrogram, into a teacher's space."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from chiasm_encoders.errors import SpecError
from chiasm_encoders.nets.cells import CellFeatures
from chiasm_encoders.nets.residual import ResidualTrunk
from chiasm_encoders.nets.trunk import build_trunk

__all__ = ["GridNet", "GridShape", "build_grid_net"]


@dataclass(frozen=True, kw_only=True)
class GridShape:
    """What a student of pictures or sounds is built from, the grid and the teacher's dimension apart."""

    #: residual, or mobile: a net of timm.
    kind: str
    #: Channels after each block of the residual trunk.
    widths: tuple[int, ...] = ()
    #: Name in timm.
    architecture: str = ""
    #: Pixels that the residual trunk's stem steps.
    stem_stride: int = 4
    #: Channels of the cell features, their raster, and their length.
    cell_channels: int = 16
    cells: tuple[int, int] = (8, 8)
    hidden: int = 192
    #: Directions of the teacher's space that an answer has: of many dimensions most say little.
    rank: int = 192

    @property
    def name(self) -> str:
        """As in `residual-24-48-96-160`, or the name in timm."""
        return self.architecture or f"{self.kind}-{'-'.join(map(str, self.widths))}"


class GridNet(nn.Module):
    """A trunk that finds what is there, wherever it is, beside features of what is where.

    Args:
        trunk: `(batch, in, h, w)` to a feature grid `(batch, channels, ...)`.
        channels: Of the trunk.
        cells: The features beside it.
        hidden: Their length.
        rank: Directions of the answer.
        dim: Of the teacher's vectors.
    """

    def __init__(
        self, trunk: nn.Module, channels: int, cells: CellFeatures, hidden: int, rank: int, dim: int
    ) -> None:
        super().__init__()
        self.trunk = trunk
        self.trunk_norm = nn.BatchNorm2d(channels)
        self.cells = cells
        self.cell_norm = nn.BatchNorm1d(hidden)
        self.narrow = nn.Linear(channels + 2 * hidden, rank, bias=False)
        self.answer = nn.Linear(rank, dim)

    def forward(self, grid: Tensor) -> Tensor:
        """Unit vectors `(batch, dim)` of grids `(batch, in, h, w)`."""
        seen = self.trunk_norm(self.trunk(grid).mean((2, 3), keepdim=True)).flatten(1)
        placed = self.cells(grid)
        # Straight and bent: a part of what a teacher says of pictures is linear in such features.
        bent = functional.relu(self.cell_norm(placed))
        return functional.normalize(self.answer(self.narrow(torch.cat([seen, placed, bent], 1))), dim=1)


def build_grid_net(shape: GridShape, channels_in: int, dim: int) -> GridNet:
    """An untrained student.

    Args:
        shape: Of the net.
        channels_in: Channels of the grid.
        dim: Of the teacher's vectors.

    Raises:
        SpecError: There is no such kind or architecture.
    """
    trunk: nn.Module
    if shape.kind == "residual":
        trunk = ResidualTrunk(channels_in, shape.widths, shape.stem_stride, nn.ReLU)
        channels = shape.widths[-1]
    elif shape.kind == "mobile":
        trunk, channels = build_trunk(
            f"timm/{shape.architecture}", channels_in=channels_in, widths=(), stem_stride=shape.stem_stride
        )
    else:
        raise SpecError("no such kind of student", where=shape.kind, remedy="residual or mobile")
    cells = CellFeatures(channels_in, shape.cell_channels, shape.cells, shape.hidden)
    return GridNet(trunk, channels, cells, shape.hidden, min(shape.rank, dim), dim)
