"""Held-out assets as queries: for their own entity, and for what stands next to it in another domain."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from chiasm.training.dataset import Dataset
from chiasm.training.holdout import visible
from chiasm.training.queries import Query, held_out_queries
from chiasm.training.snapshot import Snapshot


def _queries(folder: Path) -> tuple[Dataset, list[Query], list[tuple[int, int]]]:
    data = Dataset.read(Snapshot.open(folder))
    seen = visible(data, ("valid", "test"))
    edges = list(zip(seen.graph.heads.tolist(), seen.graph.tails.tolist(), strict=True))
    return data, held_out_queries(data, "valid", seen, np.ones(data.num_entities, dtype=np.bool_)), edges


def test_an_asset_asks_into_the_other_domain_for_its_neighbours(write_snapshot: Callable[..., Path]) -> None:
    data, queries, edges = _queries(write_snapshot())
    across = [q for q in queries if q.domain_from != q.domain_into and not data.stub[data.entity[q.asset]]]
    visible_ones = 0
    for query in across:
        entity = int(data.entity[query.asset])
        near = {b for a, b in edges if a == entity} | {a for a, b in edges if b == entity}
        beyond = {b for a, b in edges if a in near} | {a for a, b in edges if b in near}
        assert {data.domain[e] for e in query.expected} == {query.domain_into}
        assert entity not in query.expected
        if not set(query.expected) <= near | beyond:
            # The other end of a held-out edge.
            continue
        visible_ones += 1
        # What is next to it goes before what is one edge further.
        wanted = {e for e in near if data.domain[e] == query.domain_into and not data.stub[e]}
        assert not wanted or set(query.expected) == wanted
    assert visible_ones > 5


def test_without_edges_nothing_is_asked_across(write_snapshot: Callable[..., Path]) -> None:
    _, queries, _ = _queries(write_snapshot(edges=False))
    assert queries
    assert all(q.domain_from == q.domain_into for q in queries)
