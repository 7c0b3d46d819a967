"""Trunks by name: the built-in residual net, or any timm architecture."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn

from chiasm_encoders.errors import SpecError
from chiasm_encoders.nets.residual import ResidualTrunk

__all__ = ["build_trunk"]


def build_trunk(
    name: str, *, channels_in: int, widths: Sequence[int], stem_stride: int
) -> tuple[nn.Module, int]:
    """A trunk from scratch that maps `(batch, channels_in, h, w)` to a feature grid, and the grid's channels.

    Args:
        name: "residual", or `timm/ARCHITECTURE` such as "timm/convnext_atto"; never with pretrained weights.
        channels_in: Channels of the input.
        widths: Widths of the residual trunk.
        stem_stride: Stem step of the residual trunk.

    Raises:
        SpecError: no such trunk.
    """
    if name == "residual":
        trunk = ResidualTrunk(channels_in, widths, stem_stride)
        return trunk, trunk.channels
    family, _, architecture = name.partition("/")
    import timm

    if family != "timm" or architecture not in timm.list_models():
        raise SpecError(
            "no such trunk", where=name, remedy="use residual, or timm/NAME of timm.list_models()"
        )
    model = timm.create_model(
        architecture, pretrained=False, in_chans=channels_in, num_classes=0, global_pool=""
    )
    with torch.no_grad():
        grid = model.eval()(torch.zeros(1, channels_in, 64, 64))
    if grid.ndim != 4:
        raise SpecError(
            "this architecture gives no feature grid", where=name, remedy="use a convolutional one"
        )
    return model, int(grid.shape[1])
