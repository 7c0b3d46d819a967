"""Search: parts of a query to vectors, candidates, one score, and the reasons for it."""

from chiasm.search.query import KINDS, MAX_HOPS, MAX_K, MODALITIES, Part, Query
from chiasm.search.result import Hit, SearchResult
from chiasm.search.searcher import Searcher
from chiasm.search.state import LATE_FUSION

__all__ = [
    "KINDS",
    "LATE_FUSION",
    "MAX_HOPS",
    "MAX_K",
    "MODALITIES",
    "Hit",
    "Part",
    "Query",
    "SearchResult",
    "Searcher",
]
