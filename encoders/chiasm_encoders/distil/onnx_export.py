"""A trained net as an ONNX file of 8-bit weights, compared with the net that it came from."""

from __future__ import annotations

import contextlib
import logging
import tempfile
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from chiasm_encoders.errors import ExportError, MissingPackageError
from chiasm_encoders.onnx_session import OnnxSession

__all__ = ["Exported", "export_onnx", "require_onnx"]

#: Largest difference of a coordinate between the net and its export before weights are rounded.
_TOLERANCE = 1e-3
#: What 8 bits may cost: the mean cosine to the net's own vectors. Where activations have 8 bits too, more is lost that a
#: search does not miss; what is kept of that is judged by retrieval, and this finds what is broken.
_LEAST_COSINE = {False: 0.98, True: 0.9}
#: Rows that are calibrated with at once; all activations of a piece are kept.
_PIECE = 16


@dataclass(frozen=True)
class Exported:
    """An ONNX file and how far it is from the net."""

    content: bytes
    #: The same with weights as they are.
    plain: bytes
    #: Largest difference of a coordinate with weights as they are.
    difference: float
    #: Mean cosine to the net's vectors in 8 bits.
    cosine: float


def require_onnx() -> None:
    """Pass where nets can be exported and run.

    Raises:
        MissingPackageError: One is missing.
    """
    missing = [name for name in ("onnx", "onnxruntime", "onnxscript") if find_spec(name) is None]
    if missing:
        raise MissingPackageError(
            f"{', '.join(missing)} is not installed",
            where="distillation",
            remedy="install what students are stored with: pip install 'chiasm[onnx]'",
        )


def export_onnx(
    net: nn.Module,
    example: Mapping[str, Tensor],
    free: Mapping[str, Sequence[str]],
    *,
    calibrated: bool = False,
) -> Exported:
    """The net as an ONNX file with 8-bit weights.

    Args:
        net: In eval mode, on the CPU; its output are unit rows.
        example: Input by name, at least two rows of at least two tokens; also what is compared.
        free: Names of the leading dimensions that may vary, for each input.
        calibrated: Activations have 8 bits too, in ranges that the example sets. Convolutions want that: ONNX Runtime
            multiplies them in 8 bits only so.

    Raises:
        MissingPackageError: A package is missing.
        ExportError: The export says something else than the net.
    """
    require_onnx()
    with tempfile.TemporaryDirectory() as folder:
        plain, rounded = Path(folder) / "plain.onnx", Path(folder) / "int8.onnx"
        _write(net, example, free, plain)
        if calibrated:
            _round_calibrated(plain, rounded, {name: tensor.numpy() for name, tensor in example.items()})
        else:
            _round(plain, rounded)
        whole, content = plain.read_bytes(), rounded.read_bytes()
    with torch.inference_mode():
        wanted = net(*example.values()).float().numpy()
    arrays = {name: tensor.numpy() for name, tensor in example.items()}
    difference = float(np.abs(OnnxSession(whole, "export").run(arrays) - wanted).max())
    found = OnnxSession(content, "export").run(arrays)
    cosine = float(((found * wanted).sum(1) / np.linalg.norm(found, axis=1).clip(1e-12)).mean())
    if difference > _TOLERANCE or cosine < _LEAST_COSINE[calibrated]:
        raise ExportError(
            f"the exported net differs from the trained one by {difference:.2g}, its 8-bit form has cosine {cosine:.3f}",
            where="distillation",
            remedy="report this with the versions of torch and onnxruntime",
        )
    return Exported(content, whole, difference, cosine)


def _write(
    net: nn.Module, example: Mapping[str, Tensor], free: Mapping[str, Sequence[str]], path: Path
) -> None:
    dims = {name: dict.fromkeys(range(len(names)), torch.export.Dim.DYNAMIC) for name, names in free.items()}
    with warnings.catch_warnings():
        # The exporter warns of its own workings.
        warnings.simplefilter("ignore")
        program: Any = torch.onnx.export(
            net,
            tuple(example.values()),
            dynamo=True,
            dynamic_shapes=dims,
            input_names=list(example),
            output_names=["vectors"],
            verbose=False,
        )
    program.save(str(path), external_data=False)


def _round(plain: Path, rounded: Path) -> None:
    from onnxruntime.quantization import QuantType, quantize_dynamic

    with _unadvised():
        quantize_dynamic(plain, rounded, weight_type=QuantType.QInt8, per_channel=True)


def _round_calibrated(plain: Path, rounded: Path, example: Mapping[str, np.ndarray]) -> None:
    from onnxruntime.quantization import QuantFormat, QuantType, quantize_static
    from onnxruntime.quantization.shape_inference import quant_pre_process

    folded = plain.with_name("folded.onnx")
    with _unadvised():
        # Norms become part of the convolutions before these. Symbolic shapes it cannot tell of all nets.
        quant_pre_process(str(plain), str(folded), skip_symbolic_shape=True)
        quantize_static(
            folded,
            rounded,
            _Example(example),
            quant_format=QuantFormat.QDQ,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            per_channel=True,
        )


class _Example:
    """The example in pieces, as ONNX Runtime reads what it calibrates by."""

    def __init__(self, example: Mapping[str, np.ndarray]) -> None:
        rows = len(next(iter(example.values())))
        self._pieces = (
            {name: array[start : start + _PIECE] for name, array in example.items()}
            for start in range(0, rows, _PIECE)
        )

    def get_next(self) -> dict[str, np.ndarray] | None:
        """The next piece; None after the last."""
        return next(self._pieces, None)


@contextlib.contextmanager
def _unadvised() -> Iterator[None]:
    """ONNX Runtime advises on the root logger to use other tools first."""
    root = logging.getLogger()
    before, root.disabled = root.disabled, True
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        root.disabled = before
