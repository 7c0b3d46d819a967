"""A net in ONNX Runtime: one thread, from bytes that were checked, so that it can reach no other file."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import Any

import numpy as np

from chiasm_encoders.errors import MissingPackageError, WeightsError

__all__ = ["OnnxSession", "has_onnx_runtime"]

_REMEDY = "install it: pip install 'chiasm[onnx]'"


@functools.cache
def has_onnx_runtime() -> bool:
    """Whether nets can be run here."""
    from importlib.util import find_spec

    return find_spec("onnxruntime") is not None


class OnnxSession:
    """Runs a net on the CPU by one thread; safe to call from many.

    Args:
        content: The ONNX file.
        where: What errors call it.

    Raises:
        MissingPackageError: ONNX Runtime is not installed.
        WeightsError: The file is none that it takes.
    """

    def __init__(self, content: bytes, where: str) -> None:
        if not has_onnx_runtime():
            raise MissingPackageError("ONNX Runtime is not installed", where=where, remedy=_REMEDY)
        import onnxruntime

        options = onnxruntime.SessionOptions()
        # A query has few tokens: a second thread would wait for the first, and take a core from another query.
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = 3
        providers = ["CPUExecutionProvider"]
        try:
            self._session = onnxruntime.InferenceSession(content, options, providers=providers)
        except Exception as error:
            raise WeightsError(
                f"damaged net: {error}"[:300], where=where, remedy="distill it again, or restore the release"
            ) from error

    def run(self, inputs: Mapping[str, np.ndarray]) -> np.ndarray:
        """The net's only output."""
        found: list[Any] = self._session.run(None, dict(inputs))
        return np.asarray(found[0])
