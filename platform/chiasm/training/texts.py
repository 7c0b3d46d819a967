"""Tunes the text encoder to the catalogue's own words, and encodes the snapshot's texts again."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from chiasm.errors import RecipeError, translated
from chiasm.training.dataset import Dataset
from chiasm.training.holdout import Visible
from chiasm.training.lists import FEW_NAMES, few_names, listed_items
from chiasm.training.progress import Stop, Stopped
from chiasm.training.snapshot import Snapshot

__all__ = ["TunedText", "text_values", "tune_text", "tuned_of", "word_table"]

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float32]

#: Texts encoded between two looks at `stop`.
CHUNK = 512


@dataclass(frozen=True)
class TunedText:
    """A text encoder of the release's own, and what it says about the snapshot's texts."""

    folder: Path
    fingerprint: str
    #: (rows, dim)
    features: Floats
    #: Names of the files in the folder
    files: tuple[str, ...]


def tune_text(
    snapshot: Snapshot,
    data: Dataset,
    seen: Visible,
    spec: str,
    options: Mapping[str, Any],
    *,
    folder: Path,
    seed: int,
    report: Callable[[float, Mapping[str, Any]], None],
    stop: Stop,
    device: str = "cpu",
) -> TunedText | None:
    """Tune the encoder that made the snapshot's text features; resumes from its own checkpoint in ``folder``.

    Args:
        snapshot: With the texts.
        data: The snapshot's arrays.
        seen: What training may use.
        spec: Of the encoder.
        options: Of `chiasm_encoders.distil.TextTuningConfig`, by name.
        folder: The tuned encoder's own.
        seed: Of all draws.
        report: Share done and losses.
        stop: Asked now and then.
        device: Where to tune, and to encode.

    Returns:
        None where there is nothing to tune: no text, few words, another encoder than the spec's, or one of a
        kind that cannot be tuned.

    Raises:
        Stopped: ``stop`` said so.
        RecipeError: Options that tuning does not know.
    """
    from chiasm_encoders import TrainingStopped, load_encoder
    from chiasm_encoders.distil import TextTuningConfig, Wording, tune_text_encoder

    config = _config(TextTuningConfig, {"device": device, **options})
    if "text" not in data.features:
        return None
    values = text_values(snapshot)
    with translated():
        if load_encoder(spec, device="cpu").fingerprint != snapshot.encoders.get("text"):
            return None
        titles = snapshot.column("entities", "title")
        wording = Wording(*word_table(data, seen, values, titles))
        try:
            done = tune_text_encoder(
                spec,
                wording,
                config,
                seed=seed,
                out=folder,
                report=lambda r, v: report(0.7 * r, v),
                stop=stop,
            )
        except TrainingStopped:
            raise Stopped from None
        if done is None:
            return None
    return tuned_of(snapshot, folder, lambda r: report(0.7 + 0.3 * r, {}), stop, device)


def tuned_of(
    snapshot: Snapshot, folder: Path, report: Callable[[float], None], stop: Stop, device: str = "cpu"
) -> TunedText:
    """A text encoder that was tuned, and what it says about the snapshot's texts.

    Args:
        snapshot: With the texts.
        folder: The encoder's own.
        report: Share done.
        stop: Asked now and then.
        device: Where to encode.

    Raises:
        Stopped: ``stop`` said so.
    """
    from chiasm_encoders import load_encoder

    with translated():
        encoder = load_encoder(f"student:{folder}", device=device)
    texts, rows = np.unique(text_values(snapshot).astype(str), return_inverse=True)
    parts = [np.zeros((0, encoder.dim), np.float32)]
    for start in range(0, len(texts), CHUNK):
        if stop():
            raise Stopped
        with translated():
            parts.append(encoder.encode([str(text) for text in texts[start : start + CHUNK]]))
        report(start / len(texts))
    files = sorted(str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file())
    return TunedText(folder, encoder.fingerprint, np.concatenate(parts)[rows], tuple(files))


def word_table(
    data: Dataset, seen: Visible, values: npt.NDArray[np.object_], titles: npt.NDArray[np.object_]
) -> tuple[list[str], Ints, Ints, tuple[Ints, Ints]]:
    """Texts, words, entities and phrases as `chiasm_encoders.distil.Wording` takes them.

    Words are the names of bare neighbours and queries that people found the entity right for, or where an entity has few
    of them the items of its own texts that are lists; an entity's phrases are those beside it and its title. Longer texts
    and those in other languages, each of which stands beside one entity only, would outweigh them. Where it has few names
    an entity's own texts are phrases too, and where nobody has a name, words.

    Args:
        data: The data set.
        seen: What training may use.
        values: Texts by row of the text features, ``(rows,)``.
        titles: Of entities, ``(entities,)``.
    """
    assets = np.flatnonzero(seen.assets & (data.names == "text"))
    texts, text_of = np.unique(values[data.row[assets]].astype(str), return_inverse=True)
    owner = data.entity[assets]
    graph = seen.graph
    here, there = np.concatenate([graph.heads, graph.tails]), np.concatenate([graph.tails, graph.heads])
    named = ~data.stub[here] & data.stub[there]
    own = ~data.stub[owner]
    lent = _joined(here[named], there[named], owner, text_of)
    untold = few_names(data, seen)[owner]
    number = {str(text): at for at, text in enumerate(texts)}
    lists = zip(owner[untold].tolist(), texts[text_of[untold]].tolist(), strict=True)
    lent = np.concatenate([lent, listed_items(lists, number), _accepted(data, number)])
    if len(lent):
        named_as = np.array([str(title or "") for title in titles])[owner]
        few = np.bincount(lent[:, 0], minlength=data.num_entities)[owner] < FEW_NAMES
        own &= few | (texts[text_of] == named_as)
    told = np.stack([owner[own], text_of[own]], axis=1)
    words = np.unique(lent if len(lent) else told, axis=0)
    phrases = np.unique(np.concatenate([lent, told]), axis=0)
    offsets = np.searchsorted(phrases[:, 0], np.arange(data.num_entities + 1)).astype(np.int64)
    return list(number), words[:, 1], words[:, 0], (offsets, phrases[:, 1])


def _accepted(data: Dataset, number: dict[str, int]) -> Ints:
    """Entities with the queries that people found them right for, ``(pairs, 2)``; none that is held out for judging."""
    judged = data.held_out_texts
    entity, query, right = data.said
    pairs = [
        (one, number.setdefault(text, len(number)))
        for one, text in zip(entity[right].tolist(), query[right].tolist(), strict=True)
        if text not in judged
    ]
    return np.array(pairs, dtype=np.int64).reshape(-1, 2)


def _joined(entity: Ints, neighbour: Ints, owner: Ints, text: Ints) -> Ints:
    """Entities with the texts of their neighbours, ``(pairs, 2)``; ``owner`` is ascending."""
    start, stop = np.searchsorted(owner, neighbour, "left"), np.searchsorted(owner, neighbour, "right")
    count = stop - start
    at = np.repeat(start - np.cumsum(count) + count, count) + np.arange(count.sum())
    return np.stack([np.repeat(entity, count), text[at]], axis=1)


def text_values(snapshot: Snapshot) -> npt.NDArray[np.object_]:
    """Texts as written, by row of the text features, ``(rows,)``."""
    rows = snapshot.column("assets", "row").astype(np.int64)
    mine = (snapshot.column("assets", "modality") == "text") & (rows >= 0)
    features = snapshot.features("text")
    values = np.full(len(features) if features is not None else 0, "", dtype=object)
    values[rows[mine]] = [value or "" for value in snapshot.column("assets", "value")[mine]]
    return values


def _config(kind: type[Any], options: Mapping[str, Any]) -> Any:
    known = {field.name for field in dataclasses.fields(kind)}
    unknown = sorted(set(options) - known)
    if unknown:
        raise RecipeError(
            f"unknown key {', '.join(unknown)}",
            where="encoders.text_tuning",
            remedy=f"known keys are {', '.join(sorted(known))}",
        )
    return kind(**options)
