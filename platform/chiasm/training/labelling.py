"""Judges how well the classes of entities follow from their vectors."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from chiasm.training.targets import Target

__all__ = ["Heads", "label_rows", "macro_f1", "probe"]

Floats = npt.NDArray[np.floating]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]
#: Target to what gives the logits of its classes, ``(n, dim)`` to ``(n, classes)``.
Heads = Mapping[str, Callable[[Floats], Floats]]


def label_rows(
    targets: Sequence[Target],
    rows: Ints,
    vectors: Callable[[Target], tuple[Floats, Bools]],
    heads: Heads | None = None,
    split: str = "test",
) -> list[dict[str, Any]]:
    """The ``labels`` part of a report: one row a target.

    Args:
        targets: What is judged.
        rows: Entities that are judged, ``(rows,)``.
        vectors: Gives their fused vectors, ``(rows, dim)``, that do not hold the answer, and who has one.
        heads: Trained heads by target; where there is none, a linear probe is fitted on the training labels
            instead, so that rows say what the space knows of classes nobody taught it.
        split: Whose labels are asked.
    """
    report = []
    for target in targets:
        head = (heads or {}).get(target.name)
        row: dict[str, Any] = {"target": target.name, "accuracy": None, "macro_f1": None}
        row |= {"n": 0, "classes": len(target.classes), "majority": None, "balance": None}
        row |= {"kind": target.kind, "by": "head" if head is not None else "probe", "note": target.note}
        report.append(row)
        if len(target.classes) < 2:
            continue
        found, present = vectors(target)
        codes = target.codes[rows]
        asked, known = target.known(split)[rows] & present, target.known("train")[rows] & present
        if not asked.any() or len(np.unique(codes[known])) < 2:
            row["note"] = target.note or f"no label of {split} can be judged"
            continue
        scores = (
            head(found[asked])
            if head is not None
            else probe(found[known], codes[known], len(target.classes), found[asked])
        )
        row |= _judged(scores.argmax(axis=1), codes[asked], codes[known], len(target.classes))
    return report


def _judged(guessed: Ints, right: Ints, taught: Ints, classes: int) -> dict[str, Any]:
    counts = np.bincount(taught, minlength=classes).astype(np.float64)
    shares = counts[counts > 0] / counts.sum()
    return {
        "accuracy": round(float((guessed == right).mean()), 4),
        "macro_f1": round(macro_f1(guessed, right), 4),
        "n": len(right),
        "majority": round(float((right == counts.argmax()).mean()), 4),
        # 1 where all classes are equally frequent, 0 where one has all.
        "balance": round(float(-(shares * np.log(shares)).sum() / np.log(classes)), 4),
    }


def macro_f1(guessed: Ints, right: Ints) -> float:
    """Mean F1 over the classes that are right somewhere, each counting the same."""
    each = []
    for label in np.unique(right):
        both = float(((guessed == label) & (right == label)).sum())
        each.append(2 * both / float((guessed == label).sum() + (right == label).sum()))
    return float(np.mean(each))


def probe(rows: Floats, codes: Ints, classes: int, asked: Floats, penalty: float = 0.1) -> Floats:
    """Scores of classes by ridge regression on balanced one-hot targets, ``(asked, classes)``.

    In closed form and without a setting to tune, so that two releases are compared and not two probes.

    Args:
        rows: Vectors with known class, ``(n, dim)``.
        codes: Their classes, ``(n,)``.
        classes: How many there are.
        asked: Vectors to judge, ``(asked, dim)``.
        penalty: Share of the mean energy.
    """
    x = np.concatenate([rows, np.ones((len(rows), 1))], axis=1).astype(np.float64)
    hot = np.eye(classes)[codes]
    counts = np.bincount(codes, minlength=classes)
    weight = (1.0 / np.sqrt(np.maximum(counts, 1)))[codes][:, None]
    gram = x.T @ (weight * x)
    gram += np.eye(len(gram)) * (penalty * np.trace(gram) / len(gram) + 1e-9)
    solved = np.linalg.solve(gram, x.T @ (weight * hot))
    return np.concatenate([asked, np.ones((len(asked), 1))], axis=1) @ solved
