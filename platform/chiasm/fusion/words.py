"""Kernel ridge regression from a text to the entities that known words stand beside."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch

from chiasm.errors import DamagedError
from chiasm.fusion.checkpoints import read_json, read_tensors, write_json, write_tensors
from chiasm_graph import Triples

__all__ = ["MOST_WORDS", "WordLinks", "Words"]

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

#: Words that are regressed on; a query multiplies a square matrix of this size once.
MOST_WORDS = 6144
#: Sharpness of the kernel, and the ridge penalty.
_SHARPNESS = 4.0
_PENALTY = 0.5
#: Added before the logarithm: what the regression says below it is noise.
_FLOOR = 0.01
#: Queries at a time, which bounds memory.
_CHUNK = 64
_ARRAYS, _KEYS = "fusion/words.safetensors", "fusion/words.json"


@dataclass(frozen=True)
class WordLinks:
    """Which entities each word stands beside, ordered by entity."""

    #: (links,)
    word: Ints
    #: (links,) ascending
    entity: Ints
    num_entities: int

    @classmethod
    def build(cls, word: Ints, node: Ints, graph: Triples, stub: Bools) -> WordLinks:
        """Links of words to the entities they name, and for the names of stubs to the stubs' neighbours.

        Args:
            word: Number of the word that names a node, ``(names,)``.
            node: The node, ``(names,)``.
            graph: Known edges.
            stub: ``(nodes,)``.
        """
        owner, at = graph.half_edges(node)
        lent = stub[node[owner]]
        words = np.concatenate([word, word[owner[lent]]])
        entities = np.concatenate([node, graph.adjacency.neighbour[at[lent]]])
        real = ~stub[entities]
        pairs = np.unique(np.stack([entities[real], words[real]], axis=1), axis=0)
        return cls(pairs[:, 1], pairs[:, 0], len(stub))

    @cached_property
    def degree(self) -> Ints:
        """Entities beside each word, ``(words,)``; words beyond the last that has any are left out."""
        return np.bincount(self.word)

    def evidence(self, activations: Floats) -> Floats:
        """What active words say about entities, ``(queries, entities)``; NaN beside no word.

        Args:
            activations: As from `Words.activations`, ``(queries, words)``.
        """
        found = np.full((len(activations), self.num_entities), np.nan, dtype=np.float32)
        if not len(self.word):
            return found
        share = np.float32(1.0) / np.sqrt(self.degree[self.word], dtype=np.float32)
        entities, starts = np.unique(self.entity, return_index=True)
        for start in range(0, len(activations), _CHUNK):
            span = slice(start, start + _CHUNK)
            told = np.add.reduceat(activations[span][:, self.word] * share, starts, axis=1)
            found[span, entities] = _logged(told)
        return found

    def words_of(self, entity: int) -> Ints:
        """The words that an entity stands beside, ascending, ``(n,)``."""
        return self.word[slice(*np.searchsorted(self.entity, [entity, entity + 1]))]

    def told(self, activations: Floats, words: Ints) -> Floats:
        """What an entity would hear that stood beside some of its words alone, ``(queries,)``; NaN for none."""
        if not len(words):
            return np.full(len(activations), np.nan, dtype=np.float32)
        share = np.float32(1.0) / np.sqrt(self.degree[words], dtype=np.float32)
        return _logged(activations[:, words] @ share)

    def without(self, activations: Floats, words: Ints, entities: Ints) -> tuple[Ints, Floats]:
        """What changes when some links are gone: other entities share their words with fewer.

        Args:
            activations: ``(queries, words)``.
            words: Of each link that is gone, ``(links,)``.
            entities: Likewise.

        Returns:
            Entities that hear something else, ``(n,)``, and what, ``(queries, n)``.
        """
        width = len(self.degree)
        gone = np.searchsorted(self.entity * width + self.word, entities * width + words)
        rows = np.unique(self.entity[np.isin(self.word, words)])
        degree = self.degree - np.bincount(words, minlength=width)
        place = np.full(self.num_entities, -1)
        place[rows] = np.arange(len(rows))
        left = place[self.entity] >= 0
        left[gone] = False
        word, at = self.word[left], place[self.entity[left]]
        said = activations[:, word] / np.sqrt(degree[word], dtype=np.float32)
        found = np.array([_logged(np.bincount(at, one, minlength=len(rows))) for one in said])
        found[:, np.bincount(at, minlength=len(rows)) == 0] = np.nan
        return rows, found.reshape(len(activations), len(rows)).astype(np.float32)


@dataclass(frozen=True, eq=False)
class Words:
    """Known words, and the solved regression over them.

    For unit vectors *p* of words and a query *q*, with ``k(x, y) = exp(4 (x y - 1))`` and ``Y`` one where a
    word stands beside an entity, divided by the square root of the word's number of entities::

        f(q) = k(q, P) (k(P, P) + 0.5 I)^-1 Y         evidence = log(max(f, 0) + 0.01)

    Unlike the nearest word it counts what many words say together, and words that always come together
    only once. The incidence ``Y`` is that of the catalogue at hand, so new edges count at once.

    References:
        Saunders, Gammerman and Vovk 1998, "Ridge regression learning algorithm in dual variables".
    """

    #: (words, dim) of unit length
    vectors: Floats
    #: (words, words)
    inverse: Floats
    #: Key of each named node, and the number of its name, ``(names,)``.
    keys: tuple[str, ...]
    word: Ints

    @classmethod
    def fit(cls, vectors: Floats, keys: tuple[str, ...], word: Ints) -> Words:
        """Solve the regression.

        Args:
            vectors: Unit vectors of words, ``(words, dim)``.
            keys: Of the nodes that they name.
            word: Number of each node's name, ``(names,)``.
        """
        # What is stored is half as wide: solve for what will be read back.
        kept = vectors.astype(np.float16).astype(np.float32)
        gram = torch.from_numpy(_kernel(kept, kept))
        gram.diagonal().add_(_PENALTY)
        inverse = torch.cholesky_inverse(torch.linalg.cholesky(gram)).numpy()
        return cls(kept, inverse.astype(np.float16).astype(np.float32), keys, word)

    def activations(self, queries: Floats) -> Floats:
        """How much each word explains of a query, ``(queries, words)``.

        Args:
            queries: Unit vectors, ``(queries, dim)``.
        """
        return np.asarray(_kernel(queries, self.vectors) @ self.inverse, dtype=np.float32)

    def save(self, root: Path) -> list[str]:
        """Write below a release's folder; names of the files."""
        arrays: dict[str, npt.NDArray[np.generic]] = {
            "vectors": self.vectors.astype(np.float16),
            "inverse": self.inverse.astype(np.float16),
            "word": self.word.astype(np.int32),
        }
        write_tensors(root / _ARRAYS, arrays)
        write_json(root / _KEYS, {"keys": list(self.keys)})
        return [_ARRAYS, _KEYS]

    @classmethod
    def load(cls, root: Path) -> Words | None:
        """The inverse of `save`; None where a release has none.

        Raises:
            DamagedError: The files do not fit each other.
        """
        if not (root / _ARRAYS).is_file():
            return None
        arrays = {name: tensor.numpy() for name, tensor in read_tensors(root / _ARRAYS).items()}
        keys = read_json(root / _KEYS).get("keys")
        try:
            vectors, inverse = (arrays[n].astype(np.float32) for n in ("vectors", "inverse"))
            word = arrays["word"].astype(np.int64)
            fits = vectors.ndim == 2 and inverse.shape == (len(vectors), len(vectors))
            fits = fits and isinstance(keys, list) and word.shape == (len(keys),)
            fits = fits and bool(((word >= 0) & (word < len(vectors))).all())
            if not (fits and np.isfinite(vectors).all() and np.isfinite(inverse).all()):
                raise DamagedError("arrays of the words do not fit each other", where=str(root / _ARRAYS))
        except KeyError as error:
            raise DamagedError(f"array {error} is missing", where=str(root / _ARRAYS)) from error
        return cls(vectors, inverse, tuple(str(key) for key in keys), word)


def _logged(told: npt.NDArray[np.number]) -> Floats:
    return np.asarray(np.log(np.maximum(told, 0.0) + _FLOOR), dtype=np.float32)


def _kernel(left: Floats, right: Floats) -> Floats:
    return np.asarray(np.exp(np.float32(_SHARPNESS) * (left @ right.T - np.float32(1.0))), dtype=np.float32)
