"""Triples as queries in both directions, grouped by head and relation."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from chiasm_graph.errors import ShapeError
from chiasm_graph.spans import spread

__all__ = ["Queries", "both_directions", "check_triples"]

Ints = npt.NDArray[np.int64]


def both_directions(triples: Ints, num_relations: int) -> Ints:
    """Each triple and its reciprocal ``(tail, relation + num_relations, head)``, ``(2 * triples, 3)``.

    References:
        Lacroix et al. 2018, "Canonical Tensor Decomposition for Knowledge Base Completion", section 3.2.
    """
    turned = np.stack([triples[:, 2], triples[:, 1] + num_relations, triples[:, 0]], axis=1)
    return np.concatenate([triples, turned])


def check_triples(triples: Ints, num_entities: int, num_relations: int) -> None:
    """Refuse numbers that stand for no entity or relation.

    Raises:
        ShapeError: The array is not ``(triples, 3)``, or a number is out of range.
    """
    if triples.ndim != 2 or triples.shape[1] != 3:
        raise ShapeError(f"triples must be (triples, 3), not {triples.shape}", where="triples")
    for column, name, limit in (
        (0, "head", num_entities),
        (1, "relation", num_relations),
        (2, "tail", num_entities),
    ):
        values = triples[:, column]
        wrong = np.flatnonzero((values < 0) | (values >= limit))
        if len(wrong):
            raise ShapeError(
                f"unknown {name} {values[wrong[0]]}",
                where=f"triple {wrong[0]}",
                remedy=f"numbers of a {name} are 0..{limit - 1}; encode names with LinkData.encode",
            )


class Queries(NamedTuple):
    """Different ``(head, relation)`` and all of their tails, as compressed rows.

    Sorted by head, then relation; the tails of query ``q`` are ``tails[indptr[q]:indptr[q + 1]]``.
    """

    #: (queries,)
    heads: Ints
    #: (queries,) reciprocal ones in the upper half
    relations: Ints
    #: (queries + 1,)
    indptr: Ints
    #: (triples,)
    tails: Ints
    #: (triples,) row of the given triples that each tail comes from
    rows: Ints

    @classmethod
    def group(cls, triples: Ints) -> Queries:
        """Group triples, ``(triples, 3)``, by their first two columns."""
        order = np.lexsort((triples[:, 2], triples[:, 1], triples[:, 0]))
        ordered = triples[order]
        new = np.ones(len(ordered), dtype=np.bool_)
        new[1:] = (ordered[1:, :2] != ordered[:-1, :2]).any(axis=1)
        starts = np.flatnonzero(new)
        indptr = np.append(starts, len(ordered))
        return cls(ordered[starts, 0], ordered[starts, 1], indptr, ordered[:, 2], order)

    def __len__(self) -> int:
        return len(self.heads)

    def find(self, heads: Ints, relations: Ints) -> Ints:
        """Number of each query, -1 for none, ``(batch,)``."""
        width = int(max(self.relations.max(initial=0), relations.max(initial=0))) + 1
        keys, wanted = self.heads * width + self.relations, heads * width + relations
        at = np.minimum(np.searchsorted(keys, wanted), max(0, len(keys) - 1))
        if not len(keys):
            return np.full(len(wanted), -1)
        return np.where(keys[at] == wanted, at, -1)

    def tails_of(self, queries: Ints) -> tuple[Ints, Ints]:
        """Tails of some queries; those numbered -1 have none.

        Returns:
            Position in ``queries`` and place in `tails`, each ``(n,)``.
        """
        known = queries >= 0
        start = np.where(known, self.indptr[queries], 0)
        count = np.where(known, self.indptr[queries + 1] - start, 0)
        return spread(start, count)
