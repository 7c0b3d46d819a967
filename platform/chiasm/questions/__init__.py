"""Questions to the graph: entities and predicates that words mean, answers, hierarchies, and what is wrong."""

from chiasm.questions.asker import Asker
from chiasm.questions.flaws import KINDS, flaws_of
from chiasm.questions.linker import Linker
from chiasm.questions.trails import near_of, paths_of
from chiasm.questions.trees import common_of, trees_of, walked

__all__ = ["KINDS", "Asker", "Linker", "common_of", "flaws_of", "near_of", "paths_of", "trees_of", "walked"]
