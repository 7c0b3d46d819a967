"""Maximum mean discrepancy of two samples."""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["mmd"]

#: Widths of the Gaussians, as multiples of the median squared distance.
_WIDTHS = (0.25, 0.5, 1.0, 2.0, 4.0)


def mmd(source: Tensor, target: Tensor) -> Tensor:
    """How far two distributions lie apart in the mean of a family of Gaussian kernels, a scalar.

    The unbiased estimate, so that it is about 0 (also slightly below) for two samples of one distribution.
    The width follows the median distance of the batch and needs no setting.

    References:
        Gretton et al. 2012, "A kernel two-sample test", eq. 3; Long et al. 2015 (several widths).

    Args:
        source: ``(n, dim)``.
        target: ``(m, dim)``.
    """
    n, m = len(source), len(target)
    if min(n, m) < 2:
        return (source.sum() + target.sum()) * 0.0
    rows = torch.cat([source, target]).float()
    norms = rows.square().sum(1)
    distances = (norms[:, None] + norms[None, :] - 2 * torch.matmul(rows, rows.T)).clamp(min=0)
    off = ~torch.eye(n + m, dtype=torch.bool, device=rows.device)
    median = distances.detach()[off].median().clamp(min=1e-6)
    kernel = torch.stack([torch.exp(-distances / (width * median)) for width in _WIDTHS]).mean(0)
    kernel = kernel * off
    within = kernel[:n, :n].sum() / (n * (n - 1)) + kernel[n:, n:].sum() / (m * (m - 1))
    return within - 2 * kernel[:n, n:].mean()
