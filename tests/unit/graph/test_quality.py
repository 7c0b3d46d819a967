"""Flaws: each kind is found where it was put, and nothing else."""

from __future__ import annotations

import numpy as np
import pytest

from chiasm_graph import Triples, find_flaws

#: 40 towns lie in 4 counties, these in one country; each town has a mayor of its own.
TOWNS, COUNTIES, COUNTRY, MAYORS, NODES = range(40), range(40, 44), 44, range(45, 85), 100
IN, MAYOR = 0, 1
WHOLE = [
    *((town, IN, COUNTIES[town % 4]) for town in TOWNS),
    *((county, IN, COUNTRY) for county in COUNTIES),
    *((town, MAYOR, MAYORS[town]) for town in TOWNS),
]


def flaws(
    *more: tuple[int, int, int], stubs: tuple[int, ...] = ()
) -> list[tuple[str, list[tuple[int, ...]]]]:
    edges = [*WHOLE, *more]
    columns = [np.array(column) for column in zip(*edges, strict=True)]
    graph = Triples(*columns, num_nodes=NODES, num_relations=2)
    named = np.zeros(NODES, dtype=np.bool_)
    named[list(stubs)] = True
    found = list(find_flaws(graph, named))
    assert all(0 <= flaw.confidence <= 1 for flaw in found)
    return [(flaw.kind, [edges[row] for row in flaw.triples]) for flaw in found]


@pytest.mark.parametrize(
    ("more", "kind", "expected"),
    [
        ((0, MAYOR, 46), "several_values", [(0, MAYOR, 45), (0, MAYOR, 46)]),
        ((MAYORS[3], MAYOR, 3), "both_ways", [(3, MAYOR, MAYORS[3]), (MAYORS[3], MAYOR, 3)]),
        ((90, IN, 90), "self_loop", [(90, IN, 90)]),
        ((COUNTRY, IN, 0), "cycle", [(0, IN, 40), (40, IN, 44), (44, IN, 0)]),
    ],
)
def test_each_kind(more: tuple[int, int, int], kind: str, expected: list[tuple[int, ...]]) -> None:
    found = flaws(more)
    assert (kind, expected) in found


def test_a_sound_graph_has_none() -> None:
    assert flaws() == []
    assert list(find_flaws(Triples.empty(3), np.ones(3, dtype=np.bool_))) == []


def test_names_that_stand_in_one_statement() -> None:
    found = flaws((1, IN, 95), (2, IN, 96), (3, IN, 96), stubs=(95, 96))
    assert ("dangling", [(1, IN, 95)]) in found
    assert [edges for kind, edges in found if kind == "dangling"] == [[(1, IN, 95)]]


def test_what_often_has_several_values_is_no_flaw() -> None:
    more = [(town, MAYOR, MAYORS[(town + 1) % 40]) for town in range(10)]
    assert not any(kind == "several_values" for kind, _ in flaws(*more))
