"""Mentions, questions, hierarchies and flaws of the graph, answered by a home opened in this process."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from chiasm.client.embedded.questions import to_query
from chiasm.client.embedded.tenant import Tenant
from chiasm.client.parts import QueryPart
from chiasm.client.protocol import JsonDict, SearchRequest
from chiasm.errors import UsageError

if TYPE_CHECKING:
    pass

__all__ = ["Understanding"]

#: Candidates and answers that may be asked for.
_MOST = 1000


class Understanding(Tenant):
    """The part of the backend that understands words and the shape of the graph."""

    def link(self, *, mention: str | None, image: QueryPart | None, k: int, into: str | None) -> JsonDict:
        """`{"mention", "candidates": [...], "tied_beyond", ...}`; raises UsageError without one of the two."""
        from chiasm.questions import Linker

        _check_count(k)
        linker = Linker(self.home.searcher(), self.home.catalog)
        if (mention is None) == (image is None):
            raise UsageError(
                "a mention is words or a picture", where="mention", remedy="give one of mention and image"
            )
        if mention is not None:
            return linker.link(self.workspace_id, mention, k=k, into=into)
        assert image is not None
        request = SearchRequest(parts=[image], into=into, k=k, stubs=True)
        return linker.link_by(self.workspace_id, to_query(request, self._decoder()))

    def ask(self, question: str, *, k: int) -> JsonDict:
        """The answer of `chiasm ask --json`."""
        from chiasm.questions import Asker

        _check_count(k)
        asker = Asker(self.home.searcher(), self.home.catalog, self.home.models)
        return asker.ask(self.workspace_id, question, k=k)

    def graph_paths(self, key: str, to: str, *, max_hops: int, limit: int, by: str) -> JsonDict:
        """The answer of `chiasm graph path --json`."""
        from chiasm.questions import paths_of

        state = self.home.searcher().state(self.workspace_id)
        return paths_of(state, key, to, max_hops=max_hops, limit=limit, by=by)

    def graph_near(self, key: str, *, hops: int, limit: int, into: str | None) -> JsonDict:
        """The answer of `chiasm graph near --json`."""
        from chiasm.questions import near_of

        state = self.home.searcher().state(self.workspace_id)
        return near_of(state, key, hops=hops, limit=limit, into=into)

    def trees(self, *, declared: Sequence[str]) -> JsonDict:
        """Predicates that form hierarchies."""
        from chiasm.questions import trees_of

        return trees_of(self.home.searcher().state(self.workspace_id), declared)

    def walk_tree(self, key: str, *, below: bool, predicate: str | None, limit: int) -> JsonDict:
        """Entities above or below one."""
        from chiasm.questions import walked

        state = self.home.searcher().state(self.workspace_id)
        return walked(state, key, below=below, predicate=predicate, limit=limit)

    def common_ancestors(self, one: str, other: str, *, predicate: str | None) -> JsonDict:
        """The nearest entities above both of two."""
        from chiasm.questions import common_of

        return common_of(self.home.searcher().state(self.workspace_id), one, other, predicate=predicate)

    def check_graph(self, *, kind: str | None, limit: int) -> JsonDict:
        """What is wrong in the graph; raises UsageError for an unknown kind."""
        from chiasm.questions import KINDS, flaws_of

        if kind is not None and kind not in KINDS:
            raise UsageError(f"unknown kind {kind[:80]!r}", where="kind", remedy=f"use {', '.join(KINDS)}")
        return flaws_of(self.home.searcher().state(self.workspace_id), kind=kind, limit=limit)


def _check_count(k: int) -> None:
    if not 1 <= k <= _MOST:
        raise UsageError(f"k is {k}", where="k", remedy=f"use 1 to {_MOST}")
