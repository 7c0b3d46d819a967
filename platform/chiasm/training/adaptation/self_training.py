"""Self-training: a classifier's surest answers on the target become labels."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from chiasm.training.adaptation.linear import Logistic

__all__ = ["SelfTraining", "surest"]

#: Iterations of a round: it begins where the last one ended.
_AGAIN = 15
Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class SelfTraining:
    """How far a classifier follows its own answers."""

    #: Trainings after the first, each believing more rows
    rounds: int = 4
    #: Share of the target rows that the last round believes
    share: float = 0.6
    #: Weight of a believed row against a labelled one
    trust: float = 1.0

    def fit(
        self, rows: Floats, labels: Ints, target: Floats, classes: int, *, fit_to: float = 1.0
    ) -> Logistic:
        """Fit on labelled source rows and unlabelled target rows.

        As many rows are believed of each class as its share among the source's labels says, so that a
        classifier that leans to one class in the target does not end with nothing else.

        References:
            Zou et al. 2018, "Unsupervised domain adaptation via class-balanced self-training".
        """
        model = Logistic.fit(rows, labels, classes, fit_to=fit_to)
        balance = np.bincount(labels, minlength=classes) / max(1, len(labels))
        for number in range(1, self.rounds + 1):
            share = self.share * number / self.rounds
            chosen, given = surest(model.scores(target), balance, share)
            if not len(chosen):
                return model
            importance = np.concatenate([np.ones(len(rows)), np.full(len(chosen), self.trust)])
            model = Logistic.fit(
                np.concatenate([rows, target[chosen]]),
                np.concatenate([labels, given]),
                classes,
                fit_to=fit_to,
                importance=importance.astype(np.float32),
                start=model,
                steps=_AGAIN,
            )
        return model


def surest(scores: Floats, balance: npt.NDArray[np.floating], share: float) -> tuple[Ints, Ints]:
    """Rows that are believed, each once, and the class of each.

    Args:
        scores: ``(n, classes)``, greater is surer.
        balance: Share of each class, ``(classes,)``.
        share: Of the rows to believe.
    """
    # How much surer of this class than of the best other one.
    best = np.partition(scores, -2, axis=1)
    lead = scores - np.where(scores == best[:, -1:], best[:, -2:-1], best[:, -1:])
    rows, given = [], []
    free = np.ones(len(scores), dtype=np.bool_)
    for label in np.argsort(balance, kind="stable"):
        most = round(share * float(balance[label]) * len(scores))
        order = np.argsort(-lead[:, label], kind="stable")
        picked = order[free[order]][:most]
        free[picked] = False
        rows.append(picked)
        given.append(np.full(len(picked), label))
    return np.concatenate(rows).astype(np.int64), np.concatenate(given).astype(np.int64)
