"""Path tokens while training: which trees a recipe asks for, and views without what must not be seen."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np
import numpy.typing as npt

from chiasm.errors import RecipeError
from chiasm_graph import NodeFeatures, PathCoder, Triples, find_hierarchies

__all__ = ["PathViews", "path_coder"]

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float32]

AUTO = "auto"


def path_coder(
    asked: Sequence[str], graph: Triples, predicates: Sequence[str], modalities: Collection[str]
) -> PathCoder | None:
    """The trees that a recipe's ``graph.paths`` names; None for none.

    Args:
        asked: Predicates, ``^`` before one that is read downwards, or ``auto``.
        graph: What training may see.
        predicates: Name of each relation.
        modalities: With features; paths are made of texts.

    Raises:
        RecipeError: A predicate that the catalogue does not have.
    """
    if not asked or "text" not in modalities or not len(graph):
        return None
    trees = [(shape.relation, shape.upward) for shape in find_hierarchies(graph)] if AUTO in asked else []
    for name in asked:
        if name == AUTO:
            continue
        upward, bare = not name.startswith("^"), name.removeprefix("^")
        if bare not in predicates:
            raise RecipeError(
                f"graph.paths names {bare}, which no statement uses",
                where="graph.paths",
                remedy=f"name one of {', '.join(predicates)}, or auto",
            )
        trees.append((list(predicates).index(bare), upward))
    return PathCoder(sorted(set(trees))) if trees else None


class PathViews:
    """Path tokens of all entities, and whether what is hidden from a view stands in one.

    Args:
        coder: Of which trees.
        graph: What training may see.
        features: Likewise.
    """

    def __init__(self, coder: PathCoder, graph: Triples, features: NodeFeatures) -> None:
        everyone = np.arange(graph.num_nodes)
        self._codes: Floats = coder.codes(graph, features, everyone)
        above = coder.ancestors(graph, everyone)
        self._nodes = graph.num_nodes
        #: An entity and one of its ancestors, as one number, ascending.
        self._pairs: Ints = np.sort(above.owner * graph.num_nodes + above.ancestor)

    def of(self, entities: Ints, hidden: Ints, shown: Bools) -> tuple[Ints, Floats]:
        """Rows that have a path token, ``(n,)``, and the tokens, ``(n, dim)``.

        Args:
            entities: ``(rows,)``.
            hidden: Of each an entity that its view must not know of, -1 for none, ``(rows,)``: a path that leads there
                is left out.
            shown: Rows whose path may be seen at all, ``(rows,)``.
        """
        leads = self._known(entities, hidden) & (hidden >= 0)
        rows = np.flatnonzero(shown & ~leads & np.isfinite(self._codes[entities]).all(axis=1))
        return rows, self._codes[entities[rows]]

    def _known(self, below: Ints, above: Ints) -> Bools:
        wanted = below * self._nodes + above
        if not len(self._pairs):
            return np.zeros(len(wanted), dtype=np.bool_)
        at = np.minimum(np.searchsorted(self._pairs, wanted), len(self._pairs) - 1)
        return np.asarray(self._pairs[at] == wanted)
