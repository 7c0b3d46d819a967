"""Statements of the graph, over HTTP."""

from __future__ import annotations

from collections.abc import Iterator

from chiasm.client.protocol import JsonDict
from chiasm.client.remote.wire import Wire

__all__ = ["Statements"]


class Statements:
    """The part of the backend that reads the graph as it is stated."""

    _wire: Wire

    def neighbours(self, key: str, *, hops: int, limit: int) -> JsonDict:
        """Edges and nodes around an entity."""
        return self._wire.get("/v1/graph", key=key, hops=hops, limit=limit)

    def graph_paths(self, key: str, to: str, *, max_hops: int, limit: int, by: str) -> JsonDict:
        """Paths between two entities."""
        return self._wire.get("/v1/graph", key=key, to=to, hops=max_hops, limit=limit, by=by)

    def graph_near(self, key: str, *, hops: int, limit: int, into: str | None) -> JsonDict:
        """What stands around an entity, the nearest first."""
        return self._wire.get("/v1/graph/near", key=key, hops=hops, limit=limit, into=into)

    def triples(self) -> Iterator[JsonDict]:
        """Every statement of the graph."""
        return self._wire.pages("/v1/graph", "statements")
