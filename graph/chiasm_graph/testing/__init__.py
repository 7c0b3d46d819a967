"""For tests of scorers: the contract, to inherit."""

from chiasm_graph.testing.scorer_contract import ScorerContract

__all__ = ["ScorerContract"]
