"""What a good engineer would do without training a fusion: the baselines of `benchmarks.catalogue`.

Each baseline is a matrix of scores, (queries, entities); the best one is chosen on the valid files.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from chiasm_encoders import Encoder

__all__ = ["Matrix", "Queries", "picture_baselines", "reciprocal_ranks", "rrf", "word_baselines"]

Matrix = np.ndarray
_RRF_K = 60
_RIDGE_SIDE = 24


@dataclass(frozen=True)
class Queries:
    """Queries of one file and the rows of the entities that answer them."""

    values: list[Any]
    expected: list[set[int]]


def reciprocal_ranks(scores: Matrix, expected: Sequence[set[int]]) -> np.ndarray:
    """1 / rank of the best expected entity of each query, (queries,)."""
    order = np.argsort(-scores, axis=1, kind="stable")
    place = np.empty_like(order)
    np.put_along_axis(place, order, np.arange(scores.shape[1])[None, :].repeat(len(order), 0), axis=1)
    return np.array([1.0 / (1 + min(place[q, e] for e in rows)) for q, rows in enumerate(expected)])


def rrf(scores: Sequence[Matrix]) -> Matrix:
    """Reciprocal rank fusion (Cormack 2009): sum over systems of 1 / (60 + rank)."""
    total = np.zeros_like(scores[0])
    for one in scores:
        order = np.argsort(-one, axis=1, kind="stable")
        rank = np.empty_like(order)
        np.put_along_axis(rank, order, np.arange(one.shape[1])[None, :].repeat(len(order), 0), axis=1)
        total += 1.0 / (_RRF_K + 1 + rank)
    return total


def word_baselines(
    words: Sequence[str], entities: Sequence[Mapping[str, Any]], text: Encoder
) -> dict[str, Matrix]:
    """MiniLM mean, best keyword, character n-grams, and RRF of all; (queries, entities) each."""
    from sklearn.feature_extraction.text import TfidfVectorizer

    queries = text.encode(list(words))
    phrases = [_phrases(entity) for entity in entities]
    flat = sorted({phrase for some in phrases for phrase in some})
    vectors = dict(zip(flat, text.encode(flat), strict=True))
    similarity = {phrase: queries @ vectors[phrase] for phrase in flat}
    means = np.stack([_unit(np.mean([vectors[p] for p in some], axis=0)) for some in phrases])
    best = np.stack([np.max([similarity[p] for p in some], axis=0) for some in phrases], axis=1)
    joined = [" ".join(some) for some in phrases]
    grams = TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 4), sublinear_tf=True)
    documents = grams.fit_transform(joined)
    character = np.asarray((grams.transform(list(words)) @ documents.T).todense())
    singles = {"minilm_mean": queries @ means.T, "best_keyword": best, "char_ngrams": character}
    return {**singles, "rrf": rrf(list(singles.values()))}


def picture_baselines(
    pictures: Sequence[Path],
    entities: Sequence[Mapping[str, Any]],
    folder: Path,
    text: Encoder,
    student: Encoder,
) -> dict[str, Matrix]:
    """Ridge regression from pixels to MiniLM, the image encoder against the texts, and RRF of both."""
    targets = np.stack([_unit(v) for v in _mean_texts(entities, text)])
    known = [n for n, entity in enumerate(entities) if entity.get("image")]
    shown = [folder / entities[n]["image"][0] for n in known]
    queries, base = _pixels(pictures), _pixels(shown)
    centre, target_centre = base.mean(axis=0), targets.mean(axis=0)
    inner = (base - centre) @ (base - centre).T
    weights = np.linalg.solve(
        inner + 1e-2 * np.trace(inner) * np.eye(len(inner)), targets[known] - target_centre
    )
    predicted = (queries - centre) @ (base - centre).T @ weights
    encoded = student.encode([_rgb(path) for path in pictures])
    singles = {"ridge_pixels": predicted @ (targets - target_centre).T}
    if encoded.shape[1] >= targets.shape[1]:
        aligned = encoded[:, : targets.shape[1]]
        singles["image_encoder"] = aligned @ (targets - target_centre).T
    return {**singles, "rrf": rrf(list(singles.values()))}


def _phrases(entity: Mapping[str, Any]) -> list[str]:
    found = [entity["title"]]
    for text in entity["text"]:
        if text["lang"] == "en":
            found += [part.strip() for part in text["value"].split(",")]
    return sorted({phrase for phrase in found if phrase})


def _mean_texts(entities: Sequence[Mapping[str, Any]], text: Encoder) -> list[np.ndarray]:
    phrases = [_phrases(entity) for entity in entities]
    flat = sorted({phrase for some in phrases for phrase in some})
    vectors = dict(zip(flat, text.encode(flat), strict=True))
    return [np.mean([vectors[p] for p in some], axis=0) for some in phrases]


def _pixels(paths: Sequence[Path]) -> np.ndarray:
    rows = []
    for path in paths:
        small = Image.fromarray(_rgb(path)).resize((_RIDGE_SIDE, _RIDGE_SIDE), Image.Resampling.BILINEAR)
        rows.append(np.asarray(small, dtype=np.float32).ravel() / 255.0)
    return np.stack(rows)


def _rgb(path: Path) -> np.ndarray:
    with Image.open(path) as opened:
        picture = opened.convert("RGBA")
    white = Image.new("RGBA", picture.size, "white")
    return np.asarray(Image.alpha_composite(white, picture).convert("RGB"))


def _unit(vector: np.ndarray) -> np.ndarray:
    return vector / max(float(np.linalg.norm(vector)), 1e-9)
