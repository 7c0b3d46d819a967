"""From cosines to chances: a temperature that fits what is known."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

__all__ = ["UNFITTED", "chances", "fitted_temperature", "left_out_scores"]

Floats = npt.NDArray[np.float64]
#: Where no example says how sure cosines are.
UNFITTED = 0.05
_TRIED = np.logspace(-2.5, 0.5, 61)
#: Fewer examples that could be left out fit nothing.
_FEWEST = 4


def chances(scores: Floats, temperature: float) -> Floats:
    """Softmax of cosines `(..., labels)` at a temperature."""
    raised = (scores - scores.max(-1, keepdims=True)) / temperature
    found = np.exp(raised)
    return np.asarray(found / found.sum(-1, keepdims=True))


def left_out_scores(
    vectors: Floats, label: npt.NDArray[np.int64], count: int
) -> tuple[Floats, npt.NDArray[np.int64]]:
    """Cosines of examples to the middle of each label, each example left out of its own.

    Args:
        vectors: Unit vectors of examples, `(examples, dim)`.
        label: Of each, `(examples,)`.
        count: Labels.

    Returns:
        Scores `(kept, labels)` and labels `(kept,)` of the examples that are not alone in theirs.
    """
    sums = np.zeros((count, vectors.shape[1]))
    np.add.at(sums, label, vectors)
    sizes = np.bincount(label, minlength=count)
    middle = sums / np.maximum(np.linalg.norm(sums, axis=1, keepdims=True), 1e-12)
    scores = vectors @ middle.T
    kept = np.flatnonzero(sizes[label] > 1)
    without = sums[label[kept]] - vectors[kept]
    without /= np.maximum(np.linalg.norm(without, axis=1, keepdims=True), 1e-12)
    scores[kept, label[kept]] = (without * vectors[kept]).sum(1)
    return scores[kept], label[kept]


def fitted_temperature(scores: Floats, label: npt.NDArray[np.int64]) -> float | None:
    """The temperature under which examples have their labels most likely; None where there are too few.

    Args:
        scores: Cosines, `(examples, labels)`.
        label: Of each example, `(examples,)`.

    References:
        Guo et al. 2017, "On calibration of modern neural networks", section 4.2.
    """
    if len(scores) < _FEWEST:
        return None
    rows = np.arange(len(scores))
    surprise = [-np.log(chances(scores, t)[rows, label] + 1e-12).mean() for t in _TRIED]
    return float(_TRIED[int(np.argmin(surprise))])
