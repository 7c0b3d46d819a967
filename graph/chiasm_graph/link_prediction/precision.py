"""Products in bfloat16 while a model trains."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch

__all__ = ["PRECISIONS", "product_precision"]

PRECISIONS = ("bf16", "fp32")


@contextmanager
def product_precision(precision: str) -> Iterator[None]:
    """Within it, products of single-precision matrices on a CPU take their factors in ``precision``.

    Sums are kept in single precision either way, and so are weights, slopes and the optimiser's sums. A CPU without
    such products (AVX512-BF16, AMX) computes in single precision. What ranks are made of is not computed in here.

    Args:
        precision: One of `PRECISIONS`.
    """
    # The stubs do not know it.
    matmul: Any = torch.backends.mkldnn.matmul  # type: ignore[attr-defined]
    before = matmul.fp32_precision
    matmul.fp32_precision = "bf16" if precision == "bf16" else "ieee"
    try:
        yield
    finally:
        matmul.fp32_precision = before
