"""Adapt a classifier to a domain without labels: which method, and how well it can be expected to do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, Protocol

import numpy as np
import numpy.typing as npt

from chiasm.errors import DimensionError, InputError
from chiasm.training.adaptation.linear import Logistic
from chiasm.training.adaptation.networks import Alignment
from chiasm.training.adaptation.self_training import SelfTraining

__all__ = ["Adapted", "Plan", "Scorer", "adapt", "reverse_accuracy"]

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]
Labels = npt.NDArray[np.generic]


class Scorer(Protocol):
    """What a method leaves behind."""

    def scores(self, rows: Floats) -> Floats:
        """Logarithms of the chances, ``(n, classes)``."""


@dataclass(frozen=True)
class Plan:
    """One way to adapt."""

    #: "source" is training on the source alone
    method: Literal["source", "self_training", "coral", "mmd", "adversarial"] = "self_training"
    #: Weight of the data against the penalty in linear classifiers
    fit_to: float = 1.0
    self_training: SelfTraining = field(default_factory=SelfTraining)
    alignment: Alignment = field(default_factory=Alignment)

    def fit(self, rows: Floats, labels: Ints, target: Floats, classes: int, seed: int) -> Scorer:
        """Fit on labelled source rows and unlabelled target rows."""
        if self.method == "source":
            return Logistic.fit(rows, labels, classes, fit_to=self.fit_to)
        if self.method == "self_training":
            return self.self_training.fit(rows, labels, target, classes, fit_to=self.fit_to)
        if self.method != self.alignment.loss:
            raise InputError(
                f"the plan is {self.method}, its network's loss {self.alignment.loss}",
                where="plan",
                remedy=f"give alignment=Alignment(loss={self.method!r})",
            )
        return self.alignment.fit(rows, labels, target, classes, seed=seed)


@dataclass(frozen=True)
class Adapted:
    """A classifier for the target domain."""

    scorer: Scorer
    #: (classes,) the labels as they were given
    classes: Labels

    def scores(self, rows: npt.NDArray[np.floating]) -> Floats:
        """Logarithms of the chances, ``(n, classes)``."""
        return self.scorer.scores(np.asarray(rows, dtype=np.float32))

    def predict(self, rows: npt.NDArray[np.floating]) -> Labels:
        """The likeliest label of each row, ``(n,)``."""
        return self.classes[self.scores(rows).argmax(axis=1)]


def adapt(
    source: npt.NDArray[np.floating],
    labels: Labels,
    target: npt.NDArray[np.floating],
    plan: Plan | None = None,
    *,
    seed: int = 0,
) -> Adapted:
    """A classifier for a domain of which no label is known.

    Rows are features of any kind; counts of words do better by `LogTfIdf`, and words that one domain alone
    knows are understood by a `Denoiser` fitted on both.

    Args:
        source: Labelled rows, ``(n, features)``.
        labels: Of the source, of any kind that can be sorted, ``(n,)``.
        target: Unlabelled rows, ``(m, features)``.
        plan: How; None is self-training.
        seed: Of networks; linear methods have no chance in them.

    Raises:
        DimensionError: Source and target differ in width, or the labels in number.
        InputError: There is one class alone, no row, or a value that is not finite.
    """
    rows, others = _matrix(source, "source"), _matrix(target, "target")
    if rows.shape[1] != others.shape[1] or len(labels) != len(rows):
        raise DimensionError(
            f"source {rows.shape}, target {others.shape}, {len(labels)} labels",
            where="adapt",
            remedy="give both domains the same features, and each source row a label",
        )
    classes, given = np.unique(labels, return_inverse=True)
    if len(classes) < 2:
        raise InputError(
            "the source has one class alone", where="labels", remedy="give examples of two or more"
        )
    plan = plan or Plan()
    return Adapted(plan.fit(rows, given.astype(np.int64), others, len(classes), seed), classes)


def reverse_accuracy(
    source: Floats, labels: Labels, target: Floats, plan: Plan, *, held: float = 0.1, seed: int = 0
) -> Mapping[str, float]:
    """How well a plan can be expected to do, by source labels alone.

    A classifier is fitted without a part of the source; its answers on the target become labels, from which the
    same plan, turned round, fits a classifier for the source; that is judged on the part left out. A plan
    that errs on the target cannot find its way back.

    References:
        Ganin et al. 2016, section 5.1.2; Zhong et al. 2010, "Cross validation framework to choose amongst
        models and datasets for transfer learning".

    Returns:
        ``reverse``: accuracy of the way back; ``source``: accuracy of the first classifier on the part
        left out.
    """
    generator = np.random.default_rng(seed)
    order = generator.permutation(len(source))
    away = order[: max(1, round(held * len(source)))]
    kept = order[len(away) :]
    forth = adapt(source[kept], labels[kept], target, plan, seed=seed)
    answers = forth.predict(target)
    here = float((forth.predict(source[away]) == labels[away]).mean())
    if len(np.unique(answers)) < 2:
        # All of the target in one class: nothing leads back.
        return {"reverse": float((labels[away] == answers[0]).mean()), "source": here}
    back = adapt(target, answers, source[kept], plan, seed=seed)
    return {"reverse": float((back.predict(source[away]) == labels[away]).mean()), "source": here}


def _matrix(rows: npt.NDArray[np.floating], name: str) -> Floats:
    matrix = np.asarray(rows, dtype=np.float32)
    if matrix.ndim != 2 or not len(matrix):
        raise InputError(f"must be a matrix with rows, not {matrix.shape}", where=name)
    if not np.isfinite(matrix).all():
        raise InputError("holds a value that is not finite", where=name, remedy="leave those rows out")
    return matrix
