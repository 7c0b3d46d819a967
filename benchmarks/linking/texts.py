"""MiniLM vectors of what a data set's entities are called and said to be, made once and kept."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

__all__ = ["read_texts", "text_vectors"]

_BATCH = 2048


def read_texts(folder: Path, entities: Sequence[str]) -> list[str]:
    """``title: text`` of each entity from ``entities.tsv``; empty for one that the file does not name.

    Args:
        folder: Of the data set.
        entities: Keys, in the order wanted.
    """
    found = {}
    for line in (folder / "entities.tsv").read_text(encoding="utf-8").splitlines():
        key, title, text = (*line.split("\t"), "", "")[:3]
        found[key] = ": ".join(filter(None, (title, text)))
    return [found.get(key, "") for key in entities]


def text_vectors(texts: Sequence[str], cache: Path) -> Tensor:
    """Unit vectors of the texts, zero where there is none, ``(texts, 384)``.

    Args:
        texts: Any.
        cache: Folder in which vectors of the same texts are found again.
    """
    digest = hashlib.sha256("\0".join(texts).encode()).hexdigest()[:16]
    path = cache / f"texts-{digest}.npy"
    if not path.exists():
        cache.mkdir(parents=True, exist_ok=True)
        np.save(path, _encoded(texts))
    return torch.from_numpy(np.load(path))


def _encoded(texts: Sequence[str]) -> np.ndarray:
    from chiasm_encoders import default_text_spec, load_encoder

    encoder = load_encoder(default_text_spec())
    parts = []
    for start in range(0, len(texts), _BATCH):
        parts.append(np.asarray(encoder.encode(texts[start : start + _BATCH]), dtype=np.float32))
        print(f"encoded {min(start + _BATCH, len(texts))} of {len(texts)} texts", file=sys.stderr, flush=True)
    vectors = np.concatenate(parts)
    vectors[[not text for text in texts]] = 0.0
    return vectors
