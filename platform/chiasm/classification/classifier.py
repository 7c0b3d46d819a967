"""Chooses a label for a text, a picture, a sound, or what has several of them."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from chiasm.classification.labelled import examples_of
from chiasm.classification.request import ClassifyRequest
from chiasm.classification.temperature import UNFITTED, chances, fitted_temperature, left_out_scores
from chiasm.errors import InputError
from chiasm.models import ModelCache
from chiasm.search import Part, Query, Searcher
from chiasm.search.asked import resolve
from chiasm.search.state import State

if TYPE_CHECKING:
    from chiasm.fusion.runtime import FusionModel

__all__ = ["Classifier"]

Floats = npt.NDArray[np.float64]
#: Answers about examples that are kept for the next question.
_REMEMBERED = 16
#: Modality to vectors of one thing, `(items, dim)`.
Features = Mapping[str, npt.NDArray[np.floating]]


class Classifier:
    """Answers from the present state of a workspace; safe to share between threads.

    Args:
        searcher: Of the home.
        models: Encoders and releases.
    """

    def __init__(self, searcher: Searcher, models: ModelCache) -> None:
        self._searcher = searcher
        self._models = models

    def classify(self, workspace_id: int, request: ClassifyRequest) -> dict[str, Any]:
        """Labels with their chances, the likeliest first, as `chiasm classify --json` prints them.

        Raises:
            NotFoundError: There is no such workspace or entity, or nobody has the attribute.
            UsageError: An attribute has one value only, or too many.
            InputError: No example of a label has anything to compare with.
        """
        began = time.perf_counter()
        state = self._searcher.state(workspace_id)
        few_shot = bool(request.by or request.examples)
        # Before anything is encoded: labels that nobody has are a mistake whatever is asked.
        said = _said(request)
        examples = (
            _remembered(state, ("labels", said), lambda: examples_of(state, request)) if few_shot else {}
        )
        [(asked, warnings)] = resolve(state, self._models, [Query(parts=request.parts)])
        thing = {kind: rows for one in asked for kind, rows in one.features.items()}
        answer: dict[str, Any] = {
            "release": state.release,
            "method": "prototypes" if few_shot else "zero-shot",
            "labels": [],
            "calibrated": False,
            "temperature": None,
            "accuracy": None,
            "warnings": warnings,
        }
        if thing:
            view = _View(state, self._models, sorted(thing))
            if few_shot:
                name = ("examples", said, *view.kinds)
                shown = _remembered(state, name, lambda: [view.shown(rows) for rows in examples.values()])
                answer |= _by_examples(view, thing, list(examples), shown)
            else:
                answer |= self._by_words(view, state, thing, list(request.labels), warnings)
        answer["took_ms"] = round((time.perf_counter() - began) * 1000, 2)
        return answer

    def _by_words(
        self, view: _View, state: State, thing: Features, labels: Sequence[str], warnings: list[str]
    ) -> dict[str, Any]:
        """By what labels say, as texts in the space that all modalities share."""
        if "text" not in state.spaces or not view.reaches_text:
            warnings.append(
                f"before the first release words and {' or '.join(view.kinds)} cannot be compared: "
                "run `chiasm train`, or give examples"
            )
            return {}
        [(told, _)] = resolve(state, self._models, [Query(parts=[Part("text", label) for label in labels])])
        vectors = view.of([{"text": one.features["text"]} for one in told])
        scores = vectors @ view.of([thing])[0]
        warnings.append("chances are not calibrated: no labelled example says how sure they are")
        return _ranked(labels, scores, UNFITTED, {})


def _said(request: ClassifyRequest) -> str:
    keys = {name: list(some) for name, some in request.examples.items()}
    return repr((request.by, list(request.labels), keys))


def _remembered(state: State, name: tuple[Any, ...], make: Callable[[], Any]) -> Any:
    """What was made for these labels before, as long as nothing in the workspace has changed."""
    if not state.version:
        return make()
    key = ("classify", state.version, *name)
    found = state.derived.get(key)
    if found is None:
        mine = [one for one in list(state.derived) if one[0] == "classify"]
        for old in mine[: max(0, len(mine) - _REMEMBERED + 1)]:
            state.derived.pop(old, None)
        found = state.derived[key] = make()
    return found


def _by_examples(
    view: _View, thing: Features, labels: Sequence[str], shown: Sequence[Floats]
) -> dict[str, Any]:
    """By the middle of what entities of each label look like, `(n, dim)` each."""
    for name, some in zip(labels, shown, strict=True):
        if not len(some):
            raise InputError(
                f"no example of {name[:80]!r} has {' or '.join(view.kinds)} or a fused vector",
                where="examples",
                remedy="name others, or wait until the ingest job is done",
            )
    vectors = np.concatenate(shown)
    label = np.repeat(np.arange(len(labels)), [len(some) for some in shown])
    middle = np.stack([some.mean(0) for some in shown])
    middle /= np.maximum(np.linalg.norm(middle, axis=1, keepdims=True), 1e-12)
    scores = middle @ view.of([thing])[0]
    known, right = left_out_scores(vectors, label, len(labels))
    fitted = fitted_temperature(known, right)
    counts = {name: len(some) for name, some in zip(labels, shown, strict=True)}
    answer = _ranked(labels, scores, fitted or UNFITTED, counts)
    if fitted is not None:
        accuracy = float((known.argmax(1) == right).mean())
        return answer | {"calibrated": True, "accuracy": round(accuracy, 4)}
    return answer


def _ranked(
    labels: Sequence[str], scores: Floats, temperature: float, counts: Mapping[str, int]
) -> dict[str, Any]:
    likely = chances(scores, temperature)
    order = np.argsort(-scores, kind="stable")
    rows = [
        {
            "label": labels[at],
            "probability": round(float(likely[at]), 6),
            "score": round(float(scores[at]), 6),
            "examples": counts.get(labels[at], 0),
        }
        for at in order.tolist()
    ]
    return {"labels": rows, "temperature": round(temperature, 4)}


class _View:
    """Things and entities as vectors that can be compared: fused ones, or of one modality before the first release."""

    def __init__(self, state: State, models: ModelCache, kinds: Sequence[str]) -> None:
        self._state = state
        self.kinds = list(kinds)
        self._model: FusionModel | None = models.fusion(state.folder) if state.folder is not None else None

    @property
    def reaches_text(self) -> bool:
        """Whether words and the thing can be compared."""
        return self._model is not None or self.kinds == ["text"]

    def of(self, things: Sequence[Features]) -> Floats:
        """Unit vectors, `(things, dim)`; before the first release of the first kind that the thing has."""
        if self._model is not None:
            return np.asarray(self._model.fuse(things), dtype=np.float64)
        rows = np.stack([np.asarray(one[self.kinds[0]], dtype=np.float64).mean(0) for one in things])
        return np.asarray(rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12))

    def shown(self, rows: npt.NDArray[np.int64]) -> Floats:
        """Entities as the thing is given, by the same modalities; else by all that they have, `(n, dim)`."""
        columns = self._state.columns
        kinds = self.kinds if self._model is not None else self.kinds[:1]
        things: list[Features] = []
        whole: list[Floats] = []
        for row in rows.tolist():
            items = {kind: columns[kind].items_of(row) for kind in kinds if kind in columns}
            items = {kind: vectors for kind, vectors in items.items() if len(vectors)}
            if items:
                things.append(items)
            elif "fused" in columns and len(stored := columns["fused"].items_of(row)):
                whole.append(np.asarray(stored[:1], dtype=np.float64))
        parts = [self.of(things)] if things else []
        found = [*parts, *whole]
        return np.concatenate(found) if found else np.zeros((0, 1))
