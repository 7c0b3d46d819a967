"""Logistic regression on matrices of features, two classes or more."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch.nn import functional

__all__ = ["Logistic"]

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Logistic:
    """A linear classifier with L2 penalty."""

    #: (features, classes)
    weights: Floats
    #: (classes,)
    offsets: Floats

    @classmethod
    def fit(
        cls,
        rows: Floats,
        labels: Ints,
        classes: int,
        *,
        fit_to: float = 1.0,
        importance: Floats | None = None,
        start: Logistic | None = None,
        steps: int = 40,
    ) -> Logistic:
        """Minimise ``fit_to * sum(importance * cross-entropy) + |weights|^2 / 2`` by L-BFGS; no seed.

        Args:
            rows: ``(n, features)``.
            labels: ``(n,)``.
            classes: How many there are.
            fit_to: Weight of the data against the penalty, ``C``.
            importance: Of rows, ``(n,)``; None is 1 each.
            start: Where to begin; one that is near saves time.
            steps: Most iterations.
        """
        x = torch.from_numpy(np.ascontiguousarray(rows, dtype=np.float32))
        y = torch.from_numpy(np.asarray(labels, dtype=np.int64))
        share = torch.ones(len(x)) if importance is None else torch.from_numpy(importance)
        begun = start or cls(
            np.zeros((x.shape[1], classes), dtype=np.float32), np.zeros(classes, dtype=np.float32)
        )
        weights = torch.tensor(begun.weights, requires_grad=True)
        offsets = torch.tensor(begun.offsets, requires_grad=True)
        optimiser = torch.optim.LBFGS(
            [weights, offsets],
            max_iter=steps,
            history_size=10,
            line_search_fn="strong_wolfe",
            tolerance_change=1e-6,
        )

        def closure() -> torch.Tensor:
            optimiser.zero_grad()
            each = functional.cross_entropy(x @ weights + offsets, y, reduction="none")
            # Divided by the data's weight, so that the tolerances mean the same for any number of rows.
            loss = (share * each).sum() / len(x) + weights.square().sum() / (2 * fit_to * len(x))
            loss.backward()  # type: ignore[no-untyped-call]
            return loss

        optimiser.step(closure)  # type: ignore[no-untyped-call]
        return cls(weights.detach().numpy(), offsets.detach().numpy())

    def scores(self, rows: Floats) -> Floats:
        """Logarithms of the chances, ``(n, classes)``."""
        logits = torch.from_numpy(np.asarray(rows, dtype=np.float32)) @ torch.from_numpy(self.weights)
        return functional.log_softmax(logits + torch.from_numpy(self.offsets), dim=1).numpy()
