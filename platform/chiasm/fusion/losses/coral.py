"""Distance of two samples by their means and covariances."""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["coral"]


def coral(source: Tensor, target: Tensor) -> Tensor:
    """How far two samples lie apart in their first two moments, a scalar >= 0.

    ``|mean_s - mean_t|^2 + |C_s - C_t|^2_F / 4``: of unit vectors both parts are of order one at most.
    A sample of fewer than two rows has no covariance, and the distance is 0.

    References:
        Sun and Saenko 2016, "Deep CORAL", eq. 1; we add the means, which they assume to agree, and leave out
        the division by ``dim ** 2``, which would make the loss vanish for unit vectors.

    Args:
        source: ``(n, dim)``.
        target: ``(m, dim)``.
    """
    if min(len(source), len(target)) < 2:
        return (source.sum() + target.sum()) * 0.0
    means = (source.mean(0) - target.mean(0)).square().sum()
    return means + (_covariance(source) - _covariance(target)).square().sum() / 4


def _covariance(rows: Tensor) -> Tensor:
    centred = rows.float() - rows.float().mean(0)
    return torch.matmul(centred.T, centred) / (len(rows) - 1)
