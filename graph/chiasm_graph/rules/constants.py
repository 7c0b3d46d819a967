"""Rules with a constant: a property that comes with another one, as in speaks(x, latin) <- member_of(x, curia)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from chiasm_graph.rules.facts import FactIndex
from chiasm_graph.rules.rule import PESSIMISM, RatedRule, Rule

__all__ = ["mine_constants"]

Ints = npt.NDArray[np.int64]
#: Pairs of properties of a node that are counted at a time, which bounds memory.
_WORK = 10_000_000


class _Properties(NamedTuple):
    """What nodes have: a half-relation to a certain end, or to any."""

    half: Ints
    #: -1 for any end
    end: Ints
    #: Sparse (properties, nodes), ones.
    of: Any


def mine_constants(
    facts: FactIndex,
    *,
    min_support: int,
    min_confidence: float,
    limit: int,
    max_degree: int,
    heads: frozenset[int] | None,
    stop: Callable[[], bool],
) -> Iterator[RatedRule]:
    """Rules ``head(x, c) <- body(x, d)`` and ``head(x, c) <- body(x, anything)``.

    Args:
        facts: What is known.
        min_support: Nodes that have both properties.
        min_confidence: Least share of the nodes with the body that have the head.
        limit: Rules kept for each ``(head, c)``, the best ones.
        max_degree: Nodes with more facts teach nothing: a hub has nearly every property, and the cost is its square.
        heads: Relations that rules are wanted for; None: all.
        stop: Says whether the time is over.
    """
    properties = _properties(facts, min_support, max_degree)
    if properties is None:
        return
    sizes = np.asarray(properties.of.sum(axis=1)).reshape(-1)
    facts_of = np.array([len(facts.facts(half)[0]) for half in range(2 * facts.num_relations)])
    wanted = properties.end >= 0
    if heads is not None:
        wanted &= np.isin(properties.half % facts.num_relations, list(heads))
    targets = np.flatnonzero(wanted)
    turned = properties.of.T.tocsc()
    anything = np.flatnonzero(properties.end < 0)
    known = (properties.of[anything] @ turned).tocsr()
    row_of = np.zeros(2 * facts.num_relations, dtype=np.int64)
    row_of[properties.half[anything]] = np.arange(len(anything))
    work = (properties.of[targets] @ np.asarray(properties.of.sum(axis=0)).reshape(-1)).cumsum() // _WORK
    for some in np.split(targets, np.flatnonzero(np.diff(work)) + 1):
        if stop():
            return
        shared = (properties.of[some] @ turned).tocoo()
        good = (shared.data >= min_support) & (shared.data >= min_confidence * sizes[shared.col])
        target, body, support = some[shared.row[good]], shared.col[good].astype(np.int64), shared.data[good]
        # The same half-relation to anything holds wherever the head does.
        new = (target != body) & (
            (properties.half[target] != properties.half[body]) | (properties.end[body] >= 0)
        )
        target, body, support = target[new], body[new], support[new]
        order = np.lexsort((body, -support / (sizes[body] + PESSIMISM), target))
        target, body, support = target[order], body[order], support[order]
        best = np.arange(len(target)) - np.searchsorted(target, target) < limit
        target, body, support = target[best], body[best], support[best]
        half = properties.half[target]
        complete = np.asarray(known[row_of[half], body]).reshape(-1) if len(target) else support
        columns = (half, properties.half[body], properties.end[target], properties.end[body], support)
        for head, step, constant, end, right, predicted, asked, size in zip(
            *(column.tolist() for column in (*columns, sizes[body], complete, facts_of[half])), strict=True
        ):
            yield RatedRule(
                Rule(head, (step,), constant, end if end >= 0 else None),
                support=right,
                predicted=predicted,
                confidence=right / predicted,
                pca_confidence=right / max(asked, 1.0),
                head_coverage=right / size,
            )


def _properties(facts: FactIndex, least: int, max_degree: int) -> _Properties | None:
    """Properties that enough nodes have; None where there are none."""
    from scipy import sparse

    count = 2 * facts.num_relations
    each = [facts.facts(half) for half in range(count)]
    here = np.concatenate([here for here, _ in each]) if each else np.zeros(0, dtype=np.int64)
    there = np.concatenate([there for _, there in each]) if each else here
    half = np.repeat(np.arange(count), [len(ends) for ends, _ in each])
    small = np.bincount(here, minlength=facts.num_nodes) <= max_degree
    here, there, half = here[small[here]], there[small[here]], half[small[here]]
    names, column = np.unique(half * (facts.num_nodes + 1) + there + 1, return_inverse=True)
    anything, any_column = np.unique(half * (facts.num_nodes + 1), return_inverse=True)
    columns = np.concatenate([column, any_column + len(names)])
    matrix = sparse.csr_matrix(
        (np.ones(2 * len(here), dtype=np.float32), (columns, np.concatenate([here, here]))),
        shape=(len(names) + len(anything), facts.num_nodes),
    )
    # Two facts to different ends are one property "to anything".
    matrix.data[:] = 1.0
    enough = np.flatnonzero(np.asarray(matrix.sum(axis=1)).reshape(-1) >= least)
    if not len(enough):
        return None
    halves, ends = np.divmod(np.concatenate([names, anything])[enough], facts.num_nodes + 1)
    return _Properties(halves, ends - 1, matrix[enough].tocsr())
