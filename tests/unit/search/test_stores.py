"""That the search tests really run where they say."""

from __future__ import annotations

import pytest

from chiasm.search import Part, Query
from chiasm.spaces.milvus import MilvusStore

from .conftest import Home
from .stores import MilvusPlace, Place, PostgresPlace


def test_each_place_is_used(fused: Home, store_place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []
    search = MilvusStore.search

    def counted(self: MilvusStore, *arguments: object) -> object:
        found = search(self, *arguments)  # type: ignore[arg-type]
        asked.append(int((found >= 0).sum()))
        return found

    monkeypatch.setattr(MilvusStore, "search", counted)
    result = fused.searcher.search(fused.workspace, Query([Part("text", "letter cee")]))
    assert result.hits[0].key == "l:c"
    assert (sum(asked) > 0) == isinstance(store_place, MilvusPlace)
    assert (fused.catalog.engine.dialect.name == "postgresql") == isinstance(store_place, PostgresPlace)
