"""Kinds of FAISS index: one file a kind, found by name."""

from __future__ import annotations

from chiasm.errors import NotFoundError
from chiasm.spaces.kinds.base import Effort, IndexKind, faiss_module
from chiasm.spaces.kinds.exact import ExactIndexKind
from chiasm.spaces.kinds.hnsw import HnswIndexKind
from chiasm.spaces.kinds.ivfpq import IvfPqIndexKind

__all__ = [
    "HNSW_ROWS",
    "IVFPQ_ROWS",
    "Effort",
    "ExactIndexKind",
    "HnswIndexKind",
    "IndexKind",
    "IvfPqIndexKind",
    "faiss_module",
    "index_kind",
    "kind_for",
    "kind_names",
]

#: From so many rows on a scan is slower than a graph.
HNSW_ROWS = 16_384
#: From so many rows on a graph takes too long to build, and a block that is read all over too long to verify at open.
IVFPQ_ROWS = 262_144

_KINDS: dict[str, IndexKind] = {
    kind.name: kind for kind in (ExactIndexKind(), HnswIndexKind(), IvfPqIndexKind())
}


def index_kind(name: str) -> IndexKind:
    """The kind of that name.

    Raises:
        NotFoundError: There is none.
    """
    try:
        return _KINDS[name]
    except (KeyError, TypeError):
        raise NotFoundError(
            f"unknown kind of index {name!r}"[:200],
            where="segment",
            remedy=f"known are {', '.join(kind_names())}; a newer Chiasm may have written it",
        ) from None


def kind_names() -> list[str]:
    """All names, sorted."""
    return sorted(_KINDS)


def kind_for(rows: int) -> IndexKind:
    """The kind that suits a segment of that many rows."""
    name = "exact" if rows < HNSW_ROWS else "hnsw" if rows < IVFPQ_ROWS else "ivfpq"
    return _KINDS[name]
