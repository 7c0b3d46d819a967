"""Plain queries give what the general way gives."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from chiasm.catalog.filters import parse_where
from chiasm.search import Part, Query
from chiasm.search import answer as answer_module
from chiasm.search.plain import nearest

from .conftest import Home, WordEncoder

CASES: list[dict[str, Any]] = [
    {},
    {"k": 1},
    {"k": 3, "into": "letters"},
    {"where": parse_where("year >= 1905")},
    {"where": parse_where("year == 1")},
    {"modality": "image"},
    {"near": "l:o", "hops": 2},
    {"stubs": True},
    {"k": 1000},
]
PARTS = [
    Part("text", "letter"),
    Part("text", "digit one uno"),
    Part("entity", "l:i"),
    Part("vector", np.asarray(WordEncoder().encode(["round letter"])[0])),
]


@pytest.mark.parametrize("part", PARTS, ids=lambda part: part.kind)
@pytest.mark.parametrize("case", CASES, ids=str)
def test_as_the_general_way(
    late: Home, case: dict[str, Any], part: Part, monkeypatch: pytest.MonkeyPatch
) -> None:
    query = Query([part], **case)
    taken = []
    monkeypatch.setattr(answer_module, "nearest", lambda *given: taken.append(given) or nearest(*given))
    plain = late.searcher.search(late.workspace, query)
    batch = late.searcher.search_batch(late.workspace, [query, Query([part]), query])
    assert taken
    monkeypatch.setattr(answer_module, "plain_query", lambda *given: None)
    general = late.searcher.search(late.workspace, query)
    for one in (plain, batch[0], batch[2]):
        assert [(hit.key, hit.present) for hit in one.hits] == [
            (hit.key, hit.present) for hit in general.hits
        ]
        assert [hit.score for hit in one.hits] == pytest.approx([hit.score for hit in general.hits])
        assert [hit.cosine["text"] for hit in one.hits] == pytest.approx(
            [hit.cosine["text"] for hit in general.hits], abs=1e-5
        )
        assert (one.next_cursor is None) == (general.next_cursor is None)
    if plain.next_cursor:
        rest = late.searcher.search(late.workspace, Query([part], **{**case, "cursor": plain.next_cursor}))
        assert not {hit.key for hit in rest.hits} & {hit.key for hit in plain.hits}


def test_many_items_of_one_entity_take_no_place_of_others(late: Home) -> None:
    late.entity("l:many", texts=[f"letter letter {n}" for n in range(40)])
    query = Query([Part("text", "letter letter")], k=4)
    found = [hit.key for hit in late.searcher.search(late.workspace, query).hits]
    assert len(found) == 4 == len(set(found)) and "l:many" in found
