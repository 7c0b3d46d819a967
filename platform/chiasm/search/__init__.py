"""Search: parts of a query to vectors, candidates, one score, and the reasons for it."""

from chiasm.search.paths import PropertyPath, parse_path
from chiasm.search.query import FUSIONS, KINDS, MAX_HOPS, MAX_K, MODALITIES, STRATEGIES, Part, Query
from chiasm.search.result import SearchResult
from chiasm.search.searcher import Searcher
from chiasm.search.state import LATE_FUSION

__all__ = [
    "FUSIONS",
    "KINDS",
    "LATE_FUSION",
    "MAX_HOPS",
    "MAX_K",
    "MODALITIES",
    "STRATEGIES",
    "Part",
    "PropertyPath",
    "Query",
    "SearchResult",
    "Searcher",
    "parse_path",
]
