"""Mentions, questions, hierarchies and flaws of the graph, over HTTP."""

from __future__ import annotations

import base64
from collections.abc import Sequence

from chiasm.client.parts import QueryPart
from chiasm.client.protocol import JsonDict
from chiasm.client.remote.wire import Wire

__all__ = ["Understanding"]


class Understanding:
    """The part of the backend that asks a service what words mean."""

    _wire: Wire

    def link(self, *, mention: str | None, image: QueryPart | None, k: int, into: str | None) -> JsonDict:
        """Entities that words or a picture may mean."""
        body = {"k": k, "into": into, "mention": mention}
        if image is not None:
            body["image"] = base64.b64encode(image.media_bytes()).decode("ascii")
        return self._wire.post(
            "/v1/graph/link", {name: value for name, value in body.items() if value is not None}
        )

    def trees(self, *, declared: Sequence[str]) -> JsonDict:
        """Predicates that form hierarchies."""
        return self._wire.post("/v1/graph/trees", {"declared": list(declared)})

    def walk_tree(self, key: str, *, below: bool, predicate: str | None, limit: int) -> JsonDict:
        """Entities above or below one."""
        asked = {"key": key, "below": below, "predicate": predicate, "limit": limit}
        return self._wire.post("/v1/graph/trees/walk", asked)

    def common_ancestors(self, one: str, other: str, *, predicate: str | None) -> JsonDict:
        """The nearest entities above both of two."""
        asked = {"one": one, "other": other, "predicate": predicate}
        return self._wire.post("/v1/graph/trees/common", asked)

    def check_graph(self, *, kind: str | None, limit: int) -> JsonDict:
        """What is wrong in the graph."""
        return self._wire.post("/v1/graph/check", {"kind": kind, "limit": limit})

    def ask(self, question: str, *, k: int) -> JsonDict:
        """What the graph answers to a question in words."""
        return self._wire.post("/v1/ask", {"question": question, "k": k})
