"""Classification by a home opened in this process."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from chiasm.client.embedded.questions import to_query
from chiasm.client.embedded.tenant import Tenant
from chiasm.client.parts import QueryPart
from chiasm.client.protocol import JsonDict, SearchRequest

if TYPE_CHECKING:
    pass

__all__ = ["Classified"]


class Classified(Tenant):
    """The part of the backend that chooses labels."""

    def classify(
        self,
        *,
        parts: Sequence[QueryPart],
        labels: Sequence[str],
        examples: Mapping[str, Sequence[str]],
        by: str | None,
    ) -> JsonDict:
        """The answer of `chiasm classify --json`."""
        from chiasm.classification import Classifier, ClassifyRequest

        # What is wrong with the labels is told before anything is decoded.
        ClassifyRequest(parts, labels, examples, by)
        query = to_query(SearchRequest(parts=parts), self._decoder())
        request = ClassifyRequest(query.parts, labels, examples, by)
        return Classifier(self.home.searcher(), self.home.models).classify(self.workspace_id, request)
