"""Scorers of triples from vectors, one a file."""

from chiasm_graph.scorers.complex_scorer import ComplexScorer
from chiasm_graph.scorers.distmult_scorer import DistmultScorer
from chiasm_graph.scorers.registry import build_scorer, scorer_names
from chiasm_graph.scorers.rotate_scorer import RotateScorer
from chiasm_graph.scorers.scorer import Scorer
from chiasm_graph.scorers.transe_scorer import TranseScorer
from chiasm_graph.scorers.tucker_scorer import TuckerScorer

__all__ = [
    "ComplexScorer",
    "DistmultScorer",
    "RotateScorer",
    "Scorer",
    "TranseScorer",
    "TuckerScorer",
    "build_scorer",
    "scorer_names",
]
