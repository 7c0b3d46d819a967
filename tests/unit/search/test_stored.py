"""Queries by one stored vector of a release give what the general way gives."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest
from sqlalchemy import select

from chiasm.catalog.filters import parse_where
from chiasm.catalog.models import Asset
from chiasm.fusion.ranking import QueryWeights
from chiasm.search import Part, Query
from chiasm.search import answer as answer_module
from chiasm.search.stored import stored_nearest

from .conftest import Home, MeanFusion, WordEncoder
from .test_plain import CASES as PLAIN_CASES

CASES = [*PLAIN_CASES, {"into": "digits"}, {"where": parse_where("year == 1920")}]
VECTOR = 3 * np.asarray(WordEncoder().encode(["round letter"])[0])
PARTS = [Part("entity", "l:i"), Part("entity", "d:1", 0.5), Part("vector", VECTOR)]
#: Patterns count, and so do rivals.
RANKING = dataclasses.replace(
    MeanFusion.ranking,
    default=QueryWeights(offsets={"text+image+graph": -0.7, "text+graph": 0.4}, level=1.5),
    slope=2.0,
)


@pytest.fixture
def small(fused: Home, monkeypatch: pytest.MonkeyPatch) -> Home:
    """A release whose spaces are scored as a whole."""
    monkeypatch.setattr(MeanFusion, "ranking", RANKING)
    if any(column.large for column in fused.searcher.state(fused.workspace).columns.values()):
        pytest.skip("spaces of this store give candidates")
    return fused


@pytest.mark.parametrize("part", PARTS, ids=lambda part: part.kind)
@pytest.mark.parametrize("case", CASES, ids=str)
def test_as_the_general_way(
    small: Home, case: dict[str, Any], part: Part, monkeypatch: pytest.MonkeyPatch
) -> None:
    query, other = Query([part], **case), Query([PARTS[0]], **{**case, "k": 2})
    taken = []
    monkeypatch.setattr(
        answer_module, "stored_nearest", lambda *given: taken.append(given) or stored_nearest(*given)
    )
    alone = small.searcher.search(small.workspace, query)
    batch = small.searcher.search_batch(small.workspace, [query, other, query])
    assert len(taken) == 2
    monkeypatch.setattr(answer_module, "stored_query", lambda *given: None)
    general = small.searcher.search(small.workspace, query)
    for one in (alone, batch[0], batch[2]):
        assert [(hit.key, hit.present, hit.rank) for hit in one.hits] == [
            (hit.key, hit.present, hit.rank) for hit in general.hits
        ]
        assert [hit.score for hit in one.hits] == pytest.approx([hit.score for hit in general.hits], rel=1e-4)
        assert [hit.cosine for hit in one.hits] == [
            pytest.approx(hit.cosine, abs=1e-6) for hit in general.hits
        ]
        assert (one.next_cursor is None) == (general.next_cursor is None)
    if alone.next_cursor:
        rest = small.searcher.search(small.workspace, Query([part], **{**case, "cursor": alone.next_cursor}))
        assert not {hit.key for hit in rest.hits} & {hit.key for hit in alone.hits}


def test_the_only_one_of_its_domain_is_no_rival(small: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    small.entity("s:1", domain="signs", texts=["sign one"])
    query = Query([Part("entity", "s:1")])
    together = small.searcher.search_batch(small.workspace, [query, Query([PARTS[0]])])[0]
    monkeypatch.setattr(answer_module, "stored_query", lambda *given: None)
    general = small.searcher.search(small.workspace, query)
    assert [hit.key for hit in together.hits] == [hit.key for hit in general.hits]
    assert [hit.score for hit in together.hits] == pytest.approx(
        [hit.score for hit in general.hits], rel=1e-4
    )


def test_what_an_entity_is_judged_on_may_change_without_its_fused_vector(
    small: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    query = Query([Part("entity", "l:i")])
    before = small.searcher.search(small.workspace, query)
    with small.catalog.read() as session:
        pictures = session.scalars(
            select(Asset.id).where(Asset.entity_id == small.ids["l:o"], Asset.modality == "image")
        ).all()
    small.forget("image", list(pictures))
    stored = small.searcher.search(small.workspace, query)
    monkeypatch.setattr(answer_module, "stored_query", lambda *given: None)
    general = small.searcher.search(small.workspace, query)
    scores = [{hit.key: hit.score for hit in one.hits} for one in (before, stored, general)]
    assert scores[1] == pytest.approx(scores[2], rel=1e-4) != scores[0]


def test_an_entity_that_is_not_fused_yet_is_searched_by_its_vectors(small: Home) -> None:
    small.forget("fused", [small.ids["l:c"]])
    found = small.searcher.search(small.workspace, Query([Part("entity", "l:c")]))
    assert found.hits and "l:c" not in {hit.key for hit in found.hits}
    others = small.searcher.search(small.workspace, Query([Part("entity", "l:o")]))
    assert "l:c" not in {hit.key for hit in others.hits}
