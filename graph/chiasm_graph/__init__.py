"""Knowledge graphs as arrays: triples, sampling, relational message passing, paths, exchange.

What needs torch is imported when first asked for, so that reading and walking a graph stays light.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from chiasm_graph.around import Near, near_by_information
from chiasm_graph.errors import GraphError, ShapeError
from chiasm_graph.exchange import from_networkx, to_networkx
from chiasm_graph.features import NodeFeatures, pool
from chiasm_graph.information import information_of
from chiasm_graph.informative import InformativePaths, RankedPath, informative_paths
from chiasm_graph.nearby import greatest_nearby, nearby_without
from chiasm_graph.negative_sampler import Negatives, NegativeSampler
from chiasm_graph.neighbour_sampler import NeighbourSampler, Subgraph
from chiasm_graph.path_codes import Ancestry, PathCoder
from chiasm_graph.paths import Step, named_path, shortest_paths
from chiasm_graph.quality import Flaw, find_flaws
from chiasm_graph.sampler import Hop, Trees, TreeSampler
from chiasm_graph.store import TripleTable
from chiasm_graph.taxonomy import Hierarchy, Shape, find_hierarchies, shape_of
from chiasm_graph.triples import Adjacency, Triples

if TYPE_CHECKING:
    from chiasm_graph.convs import CompositionConv
    from chiasm_graph.gnn import NeighbourGnn
    from chiasm_graph.scorers import ComplexScorer

__all__ = [
    "Adjacency",
    "Ancestry",
    "ComplexScorer",
    "CompositionConv",
    "Flaw",
    "GraphError",
    "Hierarchy",
    "Hop",
    "InformativePaths",
    "Near",
    "NegativeSampler",
    "Negatives",
    "NeighbourGnn",
    "NeighbourSampler",
    "NodeFeatures",
    "PathCoder",
    "RankedPath",
    "Shape",
    "ShapeError",
    "Step",
    "Subgraph",
    "TreeSampler",
    "Trees",
    "TripleTable",
    "Triples",
    "find_flaws",
    "find_hierarchies",
    "from_networkx",
    "greatest_nearby",
    "information_of",
    "informative_paths",
    "named_path",
    "near_by_information",
    "nearby_without",
    "pool",
    "shape_of",
    "shortest_paths",
    "to_networkx",
]

_LAZY = {
    "ComplexScorer": "chiasm_graph.scorers",
    "CompositionConv": "chiasm_graph.convs",
    "NeighbourGnn": "chiasm_graph.gnn",
}


def __getattr__(name: str) -> Any:
    if name in _LAZY:
        return getattr(import_module(_LAZY[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
