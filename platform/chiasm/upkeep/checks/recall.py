"""How much of an exact search's answer each space's indexes find, on a sample of its own items."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import select

from chiasm.catalog.models import Embedding, Space
from chiasm.errors import DamagedError
from chiasm.upkeep.findings import REPAIR, Finding
from chiasm.upkeep.site import Site

if TYPE_CHECKING:
    from chiasm.spaces import View

__all__ = ["look", "sampled_recall"]

Floats = NDArray[np.float32]
_K = 10
_QUERIES = 64
#: Rows compared exactly at a time.
_ROWS = 32_768
#: Items as near as the last of the exact answer are as good.
_TIE = 1e-3
_ENOUGH = 0.95


def look(site: Site) -> Iterator[Finding]:
    """One figure a space that holds anything."""
    with site.catalog.read() as session:
        used = select(Embedding.space_id).where(Embedding.space_id == Space.id).exists()
        spaces = session.scalars(select(Space).where(used).order_by(Space.id)).all()
    for space in spaces:
        yield _space(site, space)
    if not spaces:
        yield Finding("ok", "no space holds anything yet")


def _space(site: Site, space: Space) -> Finding:
    from chiasm.spaces import SpaceReader, open_source

    name = f"{space.kind} space {space.id}"
    folder, source = site.settings.spaces_dir, open_source(site.settings, site.catalog)
    try:
        # Every segment by its index, also where a search would rather take them as one matrix.
        view = SpaceReader(site.catalog, folder, space.id, matrix_rows=0, small_rows=0, source=source).view
    except DamagedError as error:
        return Finding("warning", f"{name} cannot be measured: {error.what}", error.remedy or REPAIR)
    if not len(view):
        return Finding("ok", f"{name} is empty")
    try:
        recall, queries = sampled_recall(view)
    finally:
        if source is not None:
            source.close()
    figures = {"space": space.id, "kind": space.kind, "rows": len(view), "recall@10": round(recall, 4)}
    what = f"{name}: recall@10 {recall:.3f} of {queries} sampled queries against exact search"
    level = "ok" if recall >= _ENOUGH else "warning"
    return Finding(level, what, None if level == "ok" else REPAIR, len(view), figures=figures)


def sampled_recall(view: View, queries: int = _QUERIES, k: int = _K) -> tuple[float, int]:
    """Share of the exact answer that a view finds for a sample of its own items, and how many were asked."""
    parts = [*view.cached, *view.indexed]
    ids = np.concatenate([part.ids for part in parts])
    asked = np.random.default_rng(0).choice(ids, size=min(queries, len(ids)), replace=False)
    vectors = view.vectors(np.sort(asked))
    k = min(k, len(ids))
    scores, _ = view.search(vectors, k)
    worst = _exact(view, vectors, k)[:, -1:]  # (queries, 1)
    return float((scores >= worst - _TIE).mean()), len(asked)


def _exact(view: View, queries: Floats, k: int) -> Floats:
    """The best ``k`` inner products of each query with every live vector, ``(queries, k)``."""
    best = np.full((len(queries), k), -np.inf, dtype=np.float32)
    for part in (*view.cached, *view.indexed):
        for start in range(0, len(part.rows), _ROWS):
            scores = queries @ part.vectors(part.rows[start : start + _ROWS]).T
            best = -np.sort(-np.concatenate([best, scores], axis=1), axis=1)[:, :k]
    return best
