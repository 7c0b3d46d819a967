"""Marginalised denoising: features that are filled in from those they stand with, in closed form."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

__all__ = ["Denoiser"]

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]

#: Rows with fewer entries than this share are multiplied as sparse ones.
_SPARSE = 0.1


@dataclass(frozen=True)
class Denoiser:
    """A linear map that rebuilds the frequent features of a row from what corruption would leave of it.

    Fitted on source and target together it writes words of one domain in those of both ("compact" in kitchen,
    "readable" in books: both stand with "great"), so that a classifier of the source is understood in
    the target. Corruption is infinite: expectations take the place of draws, and there is no seed.

    References:
        Chen, Xu, Weinberger and Sha 2012, "Marginalized denoising autoencoders for domain adaptation", eq. 5-8
        and section 4.3 (only frequent features are rebuilt). We have one layer, standardise what it gives
        before tanh, which is otherwise all but linear for rows of unit length, and keep the row itself beside it.
    """

    #: (features + 1, rebuilt): the last row is the constant's
    matrix: Floats
    #: (rebuilt,) of what the map gives for the rows it was fitted on
    mean: Floats
    spread: Floats
    #: What makes the mean length of the rebuilt part 1
    scale: float

    @classmethod
    def fit(cls, rows: Floats, corruption: float = 0.9, rebuilt: int = 800, ridge: float = 1e-3) -> Denoiser:
        """Fit on unlabelled rows, those of the target among them.

        Args:
            rows: ``(n, features)``.
            corruption: Chance of a feature to be taken out, in (0, 1).
            rebuilt: How many of the features that most rows have are rebuilt.
            ridge: Share of the mean energy added to the diagonal.
        """
        x = np.ascontiguousarray(rows, dtype=np.float32)
        often = np.argsort(-(x != 0).sum(0), kind="stable")[:rebuilt]
        matrix = _map(x, np.sort(often), corruption, ridge)
        hidden = _forward(x, matrix)
        mean, spread = hidden.mean(0), hidden.std(0) + 1e-6
        lengths = np.linalg.norm(np.tanh((hidden - mean) / spread), axis=1)
        return cls(matrix, mean, spread, float(1 / max(lengths.mean(), 1e-9)))

    def __call__(self, rows: Floats) -> Floats:
        """The rows, and beside them what they rebuild, ``(n, features + rebuilt)``."""
        x = np.ascontiguousarray(rows, dtype=np.float32)
        hidden = np.tanh((_forward(x, self.matrix) - self.mean) / self.spread)
        return np.concatenate([x, hidden * np.float32(self.scale)], axis=1)


def _forward(rows: Floats, matrix: Floats) -> Floats:
    weights = torch.from_numpy(matrix)
    return (_product(torch.from_numpy(rows), weights[:-1]) + weights[-1]).numpy()


def _product(left: Tensor, right: Tensor) -> Tensor:
    """``left @ right``, quickly where the left has few entries."""
    if float((left != 0).float().mean()) < _SPARSE:
        # Coordinates and not compressed rows: those are announced as beta, with a warning.
        return torch.sparse.mm(left.to_sparse(), right)
    return left @ right


def _map(rows: Floats, often: Ints, corruption: float, ridge: float) -> Floats:
    """``W = E[Q]^-1 E[P]``, from the scatter of the rows with a constant that is never taken out."""
    padded = torch.cat([torch.from_numpy(rows), torch.ones(len(rows), 1)], dim=1)
    scatter = _product(padded.T.contiguous(), padded)
    kept = torch.full((padded.shape[1],), 1 - corruption)
    kept[-1] = 1.0
    energy = scatter.diagonal()
    left = scatter * torch.outer(kept, kept)
    right = scatter[:, torch.from_numpy(often)] * kept[:, None]
    left.diagonal().copy_(kept * energy + ridge * energy[:-1].mean())
    return torch.cholesky_solve(right, torch.linalg.cholesky(left)).numpy()
