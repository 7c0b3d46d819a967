"""What the active release's own link scorer says, beside facts, rules and cases."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chiasm.fusion.manifest import verify_files
from chiasm.search.replica import Bools
from chiasm.search.state import State
from chiasm.settings import Settings

__all__ = ["trained_answers"]

_SCORER = "graph/scorer.safetensors"
_DIGITS = 4
#: Under which it is kept as long as the replica is.
_NAME = "link scorer"


def trained_answers(
    settings: Settings, state: State, relation: str, row: int, *, backwards: bool, k: int, known: Bools
) -> dict[str, Any] | None:
    """`{"release", "candidates": [{"rank", "key", "title", "score"}]}`, best first; None where there is nothing to say.

    The score is the cosine of the candidate's fused vector to the vector of the entity asked about, turned by the
    relation (`GraphTask`): no chance, and no part of the predictions' own scores. It knows relations that were there when
    the release was trained.

    Args:
        settings: The home.
        state: The release that answers, and its spaces.
        relation: Name of the predicate.
        row: The entity asked about, in the replica.
        backwards: Whether its subjects are asked for.
        k: How many.
        known: Entities that are left out, ``(rows,)``.

    Raises:
        DamagedError: The scorer differs from its checksum.
    """
    scorer = _scorer(settings, state)
    column = state.columns.get("fused")
    if scorer is None or column is None or relation not in scorer.predicates:
        return None
    own = column.items_of(row)
    if not len(own):
        return None
    number = scorer.predicates.index(relation) + (len(scorer.predicates) if backwards else 0)
    query = scorer.turned(own[0], number)
    allowed = state.replica.live & ~known
    allowed[row] = False
    rows = column.candidates(query, k, allowed)
    scores = column.values(query[None], rows)[0, rows]
    order = np.lexsort((rows, -scores))
    order = order[np.isfinite(scores[order])][:k]
    return {
        "release": state.release,
        "candidates": [
            {
                "rank": rank,
                "key": state.replica.keys[int(rows[at])],
                "title": state.replica.titles[int(rows[at])],
                "score": round(float(scores[at]), _DIGITS),
            }
            for rank, at in enumerate(order, start=1)
        ],
    }


class _Scorer:
    """ComplEx over fused vectors, without torch."""

    def __init__(self, predicates: list[str], tensors: dict[str, NDArray[np.float32]]) -> None:
        self.predicates = predicates
        self._turn = tensors["real"] + 1j * tensors["imaginary"]

    def turned(self, vector: NDArray[np.float32], number: int) -> NDArray[np.float32]:
        """A unit vector whose dot product with a fused vector orders them as the scorer does, ``(dim,)``."""
        real, imaginary = np.split(np.asarray(vector, dtype=np.float32), 2)
        product = (real + 1j * imaginary) * self._turn[number]
        found = np.concatenate([product.real, product.imag]).astype(np.float32)
        return np.asarray(found / max(float(np.linalg.norm(found)), 1e-12))


def _scorer(settings: Settings, state: State) -> _Scorer | None:
    if state.folder is None:
        return None
    name = (_NAME, state.folder)
    if name not in state.derived:
        from safetensors.numpy import load_file

        root = settings.models_dir / state.folder
        manifest = verify_files(root, _SCORER, "fusion/config")
        found = None
        if _SCORER in manifest["files"]:
            predicates = json.loads((root / "fusion" / "config.json").read_bytes())["predicates"]
            found = _Scorer(predicates, load_file(root / _SCORER))
        state.derived[name] = found
    known: _Scorer | None = state.derived[name]
    return known
