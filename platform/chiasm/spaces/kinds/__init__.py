"""Kinds of FAISS index: one file a kind, found by name."""

from __future__ import annotations

from chiasm.errors import NotFoundError
from chiasm.spaces.kinds.base import IndexKind, faiss_module
from chiasm.spaces.kinds.exact import ExactIndexKind

__all__ = ["ExactIndexKind", "IndexKind", "faiss_module", "index_kind", "kind_for", "kind_names"]

_KINDS: dict[str, IndexKind] = {kind.name: kind for kind in (ExactIndexKind(),)}


def index_kind(name: str) -> IndexKind:
    """The kind of that name.

    Raises:
        NotFoundError: There is none.
    """
    try:
        return _KINDS[name]
    except KeyError:
        raise NotFoundError(
            f"unknown kind of index {name!r}",
            where="segment",
            remedy=f"known are {', '.join(kind_names())}; a newer Chiasm may have written it",
        ) from None


def kind_names() -> list[str]:
    """All names, sorted."""
    return sorted(_KINDS)


def kind_for(rows: int) -> IndexKind:
    """The kind that suits a segment of that many rows."""
    return _KINDS[ExactIndexKind.name]
