"""WordNet's glosses as short texts, and their MiniLM vectors, made once and kept."""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

__all__ = ["Glosses", "read_glosses", "vectors_of"]

#: Where Debian's package `wordnet-base` puts its files.
_WORDNET = Path("/usr/share/wordnet")
_PARTS = ("noun", "verb", "adj", "adv")
_DIM = 384
_BATCH = 1024


@dataclass(frozen=True)
class Glosses:
    """Distinct glosses in a fixed random order."""

    #: First word of each synset.
    titles: list[str]
    texts: list[str]
    #: Part of speech: noun, verb, adj, adv.
    domains: list[str]


def read_glosses(folder: Path = _WORDNET) -> Glosses:
    """All distinct glosses; ends the program with a clear message where WordNet is not installed."""
    if not (folder / "data.noun").is_file():
        sys.exit(f"{folder} holds no WordNet: apt-get install wordnet-base")
    found: dict[str, tuple[str, str]] = {}
    for part in _PARTS:
        for line in (folder / f"data.{part}").read_text("utf-8").splitlines():
            # The licence stands first, indented.
            if line.startswith("  "):
                continue
            fields, text = line.split(" | ", 1)
            found.setdefault(text.strip(), (fields.split(" ", 5)[4].replace("_", " "), part))
    texts = sorted(found)
    order = np.random.default_rng(0).permutation(len(texts))
    texts = [texts[place] for place in order]
    return Glosses([found[text][0] for text in texts], texts, [found[text][1] for text in texts])


def vectors_of(texts: list[str], cache: Path, count: int) -> npt.NDArray[np.float16]:
    """Unit vectors of the first ``count`` texts, ``(count, 384)``, memory-mapped from the cache.

    What is missing there is encoded now, which takes a while; interrupted, it goes on where it was.

    Args:
        texts: All texts, always the same ones.
        cache: Folder of the file.
        count: How many are needed.
    """
    path = cache / "glosses.npy"
    if not path.exists():
        cache.mkdir(parents=True, exist_ok=True)
        np.lib.format.open_memmap(path, "w+", np.float16, (len(texts), _DIM)).flush()
    out = np.load(path, mmap_mode="r+")
    # A row that is not written yet is zero, and no text's vector is.
    missing = np.flatnonzero(~out[:count].any(axis=1))
    if len(missing):
        _encode(texts, out, int(missing[0]), count)
    return np.load(path, mmap_mode="r")[:count]


def _encode(texts: list[str], out: npt.NDArray[np.float16], first: int, count: int) -> None:
    from chiasm_encoders import default_text_spec, load_encoder

    encoder = load_encoder(default_text_spec())
    began = time.perf_counter()
    for start in range(first, count, _BATCH):
        end = min(start + _BATCH, count)
        out[start:end] = encoder.encode(texts[start:end])
        rate = (end - first) / (time.perf_counter() - began)
        print(f"encoded {end} of {count} texts, {rate:.0f}/s", file=sys.stderr, flush=True)
