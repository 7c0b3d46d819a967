"""A query's recall by space."""

from __future__ import annotations

from chiasm.search import Part, Query

from .conftest import Home


def test_exact_spaces_find_all(home: Home) -> None:
    query = Query((Part("text", "red circle"),))
    assert home.searcher.recall(home.workspace, query) == {"text": 1.0}
