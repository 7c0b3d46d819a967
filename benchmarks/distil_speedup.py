"""How much 8 bits speed up the nets of image and audio students on this machine."""

from __future__ import annotations

import time

import numpy as np
import torch

from benchmarks.rows import Row
from chiasm_encoders.distil import LADDERS
from chiasm_encoders.distil.onnx_export import export_onnx
from chiasm_encoders.nets.grid_net import build_grid_net
from chiasm_encoders.onnx_session import OnnxSession

__all__ = ["speedup_row"]

#: A grid of each modality, as the students see it.
_GRIDS = {"image": (6, 64, 64), "audio": (1, 64, 251)}


def speedup_row(name: str, label: str, modality: str, dim: int) -> Row:
    """Times that a net takes longer in fp32; turn by turn in one process, and by the net alone."""
    [shape] = LADDERS[modality].named([label])
    size = _GRIDS[modality]
    torch.manual_seed(0)
    grids = torch.randn(32, *size)
    made = export_onnx(
        build_grid_net(shape, size[0], dim).eval(), {"grid": grids}, {"grid": ("batch",)}, calibrated=True
    )
    sessions = [OnnxSession(content, name) for content in (made.plain, made.content)]
    one = {"grid": grids[:1].numpy()}
    ratios = []
    for _ in range(100):
        took = []
        for session in sessions:
            began = time.perf_counter()
            session.run(one)
            took.append(time.perf_counter() - began)
        ratios.append(took[0] / took[1])
    low, median, high = np.percentile(ratios[20:], [25, 50, 75])
    return Row(f"{name}_int8_speedup", float(median), unit="ratio", baseline="fp32", spread=(low, high), n=80)
