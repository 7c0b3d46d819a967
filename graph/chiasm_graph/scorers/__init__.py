"""Scorers of triples from vectors, one a file."""

from chiasm_graph.scorers.complex_scorer import ComplexScorer

__all__ = ["ComplexScorer"]
