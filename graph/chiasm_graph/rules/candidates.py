"""Bodies worth counting: paths that close over sampled facts."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from chiasm_graph.rules.facts import FactIndex
from chiasm_graph.spans import spread
from chiasm_graph.triples import Triples

__all__ = ["find_bodies"]

Ints = npt.NDArray[np.int64]
Body = tuple[int, ...]


def find_bodies(
    graph: Triples,
    facts: FactIndex,
    *,
    max_length: int,
    samples: int,
    fanout: int,
    limit: int,
    heads: frozenset[int] | None,
    stop: Callable[[], bool],
    rng: np.random.Generator,
) -> dict[Body, float]:
    """Bodies, each with the greatest share of a relation's sampled facts that it closes over.

    From the head of each sampled fact, walks of up to ``max_length - 1`` steps are made with at most ``fanout`` edges
    a node, and closed by whatever joins their end to the fact's tail. What closes over two sampled facts at least
    (one, where a relation has fewer than ten) is worth counting.

    Args:
        graph: What is known.
        facts: The same, indexed.
        max_length: Steps in a body.
        samples: Facts of each relation that are looked at.
        fanout: Edges of a node that are followed.
        limit: Bodies kept for each relation, the most promising ones.
        heads: Relations to look at; None: all.
        stop: Says whether the time is over; relations not looked at by then have no bodies.
        rng: Decides on samples.
    """
    found: dict[Body, float] = defaultdict(float)
    for relation in range(graph.num_relations) if heads is None else sorted(heads):
        if stop():
            break
        here, there = facts.facts(relation)
        if not len(here):
            continue
        chosen = np.sort(rng.choice(len(here), min(samples, len(here)), replace=False))
        shares = _closing(graph, facts, relation, here[chosen], there[chosen], max_length, fanout, rng)
        least = (2 if len(here) >= 10 else 1) / len(chosen)
        best = sorted(
            (body for body, share in shares.items() if share >= least), key=lambda b: (-shares[b], b)
        )
        for body in best[:limit]:
            found[body] = max(found[body], shares[body])
    return dict(found)


def _closing(
    graph: Triples,
    facts: FactIndex,
    relation: int,
    heads: Ints,
    tails: Ints,
    max_length: int,
    fanout: int,
    rng: np.random.Generator,
) -> dict[Body, float]:
    """Bodies that lead from head to tail, each with the share of the facts for which they do."""
    base = 2 * graph.num_relations
    sample, nodes, code = np.arange(len(heads)), [heads], np.zeros(len(heads), dtype=np.int64)
    shares: dict[Body, float] = {}
    for length in range(1, max_length + 1):
        at, half = facts.between(nodes[-1], tails[sample])
        patterns = code[at] * base + half
        # A fact speaks for a body once, however many walks it has.
        pairs = np.unique(np.stack([patterns, sample[at]], axis=1), axis=0)
        bodies, counts = np.unique(pairs[:, 0], return_counts=True)
        for number, count in zip(bodies.tolist(), counts.tolist(), strict=True):
            body = _steps(number, base, length)
            if body != (relation,):
                shares[body] = count / len(heads)
        if length == max_length:
            break
        at, there, half = _some_edges(graph, nodes[-1], fanout, rng)
        fresh = there != tails[sample[at]]
        for column in nodes:
            fresh &= column[at] != there
        at, there, half = at[fresh], there[fresh], half[fresh]
        sample, code = sample[at], code[at] * base + half
        nodes = [*(column[at] for column in nodes), there]
    return shares


def _some_edges(
    graph: Triples, nodes: Ints, fanout: int, rng: np.random.Generator
) -> tuple[Ints, Ints, Ints]:
    """Position in ``nodes``, neighbour and half-relation of at most ``fanout`` edges of each, each ``(edges,)``."""
    adjacency = graph.adjacency
    start = adjacency.indptr[nodes]
    count = adjacency.indptr[nodes + 1] - start
    taken = np.minimum(count, fanout)
    owner, at = spread(start, taken)
    # A hub's edges are drawn with repetition, which costs nothing but a few of them.
    drawn = (rng.random(len(owner)) * count[owner]).astype(np.int64)
    at = np.where(count[owner] > fanout, start[owner] + drawn, at)
    return owner, adjacency.neighbour[at], adjacency.relation[at]


def _steps(number: int, base: int, length: int) -> Body:
    steps = []
    for _ in range(length):
        number, step = divmod(number, base)
        steps.append(step)
    return tuple(reversed(steps))
