"""Vectors of entities that training never saw, from their edges."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn import functional

from chiasm_graph.errors import GraphError
from chiasm_graph.link_prediction.model import LinkVectors
from chiasm_graph.link_prediction.precision import product_precision
from chiasm_graph.link_prediction.queries import Queries, both_directions, check_triples

__all__ = ["fold_in", "mean_of_neighbours"]

Ints = npt.NDArray[np.int64]
#: Numbers of one block of scores, 32 MiB.
_BLOCK = 1 << 23
_CONTRAST = 4096


class _Edges(NamedTuple):
    """Edges read from their new end."""

    #: (edges,) place of the new end among the new entities
    new: Tensor
    #: (edges,) relation, read from the new end
    relations: Tensor
    #: (edges,) the other end
    others: Tensor


def fold_in(
    vectors: LinkVectors,
    known: Ints,
    support: Ints,
    *,
    n3: float = 0.0,
    steps: int = 60,
    learning_rate: float = 0.1,
    precision: str = "bf16",
    seed: int = 0,
) -> LinkVectors:
    r"""The same vectors, but for entities that stand in ``support`` alone, whose vectors are fitted to their edges.

    Nothing else moves, so a new entity costs what its own edges cost. Its vector ``x`` minimises what one-vs-all training
    would with all else held: for each edge ``(x, r, t)`` of either direction
    ``logsumexp_j s(x, r, j) - s(x, r, t)``, for each read the other way ``log(Z_q + e^s(q, x)) - s(q, x)``, and, so that
    it is no answer to everything, ``log(1 + e^s(q, x) / Z_q)`` for queries of training, some drawn for all. ``Z_q`` is
    what the trained entities sum to.

    References:
        Lacroix et al. 2018, "Canonical Tensor Decomposition for Knowledge Base Completion", eq. 6 (the loss).

    Args:
        vectors: Trained; rows of the new entities hold nothing that is used.
        known: What training had, ``(triples, 3)``; its ends are the trained entities.
        support: Edges of new entities, ``(edges, 3)``; both ends may be new.
        n3: Weight of the nuclear 3-norm, as in training.
        steps: Of Adagrad, over all edges each.
        learning_rate: Of Adagrad.
        precision: Of products; see `product_precision`.
        seed: Of the queries that are drawn.

    Returns:
        A copy; entities without any edge keep their rows.

    Raises:
        ShapeError: A number stands for no entity or relation.
        GraphError: No triple is known.
    """
    new = _new_entities(vectors, known, support)
    table = mean_of_neighbours(vectors, known, support).entities
    if not len(new) or not steps:
        return LinkVectors(table, vectors.scorer)
    edges = _edges(support, new, vectors)
    trained = torch.from_numpy(np.unique(known[:, [0, 2]]))
    fit = _Fit(vectors, table, torch.from_numpy(new), trained, edges, known, n3, seed)
    rows = fit.start.clone().requires_grad_()
    optimizer = torch.optim.Adagrad([rows], lr=learning_rate)
    with product_precision(precision):
        for _ in range(steps):
            optimizer.zero_grad()
            fit.backward(rows)
            optimizer.step()
            # The other end of an edge may be new as well.
            table[fit.new] = rows.detach()
    return LinkVectors(table, vectors.scorer)


@torch.no_grad()
def mean_of_neighbours(vectors: LinkVectors, known: Ints, support: Ints) -> LinkVectors:
    """The same vectors, but a new entity's is the mean of what its trained neighbours ask for, of their mean length.

    What a neighbour ``t`` of an edge ``(x, r, t)`` asks for is ``t`` under the reciprocal of ``r``, normalised: for
    scorers that compare by dot product the tail it would score highest.

    Args:
        vectors: Trained.
        known: What training had, ``(triples, 3)``.
        support: Edges of new entities, ``(edges, 3)``.

    Raises:
        ShapeError: A number stands for no entity or relation.
        GraphError: No triple is known.
    """
    new = _new_entities(vectors, known, support)
    table = vectors.entities.detach().clone()
    edges = _edges(support, new, vectors)
    fresh = torch.zeros(vectors.num_entities, dtype=torch.bool)
    fresh[torch.from_numpy(new)] = True
    old = ~fresh[edges.others]
    asked = vectors.scorer.project(
        vectors.vectors(edges.others[old]), _turned(edges.relations[old], vectors.num_relations)
    )
    sums = torch.zeros(len(new), table.shape[1]).index_add_(
        0, edges.new[old], functional.normalize(asked, dim=1)
    )
    length = table[torch.from_numpy(np.unique(known[:, [0, 2]]))].norm(dim=1).mean()
    table[torch.from_numpy(new)] = length * functional.normalize(sums, dim=1)
    return LinkVectors(table, vectors.scorer)


class _Fit:
    """The loss of the new rows, and its slope."""

    def __init__(
        self,
        vectors: LinkVectors,
        table: Tensor,
        new: Tensor,
        trained: Tensor,
        edges: _Edges,
        known: Ints,
        n3: float,
        seed: int,
    ) -> None:
        self.scorer, self.table, self.new, self.n3 = vectors.scorer, table, new, n3
        self.start = table[new]
        self.old = table[trained]
        self.edges = edges
        self.counts = torch.bincount(edges.new, minlength=len(new))
        triples = np.stack([part.numpy() for part in edges], axis=1)
        #: Edges of one new entity and relation share a row of scores.
        self.queries = Queries.group(triples)
        is_old = torch.zeros(len(table), dtype=torch.bool)
        is_old[trained] = True
        self.from_old = torch.nonzero(is_old[edges.others]).squeeze(1)
        both = both_directions(known, vectors.num_relations)
        drawn = np.random.default_rng(seed).choice(len(both), min(_CONTRAST, len(both)), replace=False)
        self.share = len(both) / len(drawn)
        with torch.no_grad():
            turned = _turned(edges.relations[self.from_old], vectors.num_relations)
            self.asked = self.scorer.project(table[edges.others[self.from_old]], turned)
            self.asked_sum = self._sums(self.asked)
            heads, relations = (torch.from_numpy(both[drawn, column]) for column in (0, 1))
            self.others = self.scorer.project(table[heads], relations)
            self.others_sum = self._sums(self.others)

    def backward(self, rows: Tensor) -> None:
        """Add the slope of the loss to ``rows.grad``; ``rows (new, dim)``."""
        for start in range(0, len(self.queries), self._rows(len(self.old))):
            self._as_head(rows, start).backward()  # type: ignore[no-untyped-call]
        for start in range(0, len(self.others), self._rows(len(rows))):
            part = slice(start, start + self._rows(len(rows)))
            scores = self.scorer.compare_all(self.others[part], rows)
            extra = functional.softplus(scores - self.others_sum[part].unsqueeze(1))
            (self.share * extra.sum()).backward()  # type: ignore[no-untyped-call]
        self._as_tail(rows).backward()  # type: ignore[no-untyped-call]

    def _as_head(self, rows: Tensor, start: int) -> Tensor:
        at = np.arange(start, min(start + self._rows(len(self.old)), len(self.queries)))
        heads = torch.from_numpy(self.queries.heads[at])
        projected = self.scorer.project(rows[heads], torch.from_numpy(self.queries.relations[at]))
        total = self.scorer.compare_all(projected, self.old).logsumexp(1)
        owner, place = (torch.from_numpy(part) for part in self.queries.tails_of(at))
        tails = torch.from_numpy(self.queries.tails)[place]
        own = self.scorer.compare(projected[owner], self.table[tails])
        # A tail that is new itself is none of those summed.
        return torch.where(
            torch.isin(tails, self.new), functional.softplus(total[owner] - own), total[owner] - own
        ).sum()

    def _as_tail(self, rows: Tensor) -> Tensor:
        own = self.scorer.compare(self.asked, rows[self.edges.new[self.from_old]])
        norm = (self.scorer.entity_factors(rows) ** 3).sum(1)
        # Twice, as in training: a tail is the head of the reciprocal.
        return functional.softplus(self.asked_sum - own).sum() + 2 * self.n3 * (self.counts * norm).sum()

    def _sums(self, projected: Tensor) -> Tensor:
        """``log Z`` over the trained entities, ``(B,)``."""
        blocks = torch.split(projected, self._rows(len(self.old)))
        return torch.cat([self.scorer.compare_all(block, self.old).logsumexp(1) for block in blocks])

    @staticmethod
    def _rows(columns: int) -> int:
        return max(1, _BLOCK // max(1, columns))


def _new_entities(vectors: LinkVectors, known: Ints, support: Ints) -> Ints:
    for given in (known, support):
        check_triples(given, vectors.num_entities, vectors.num_relations)
    if not len(known):
        raise GraphError("no triple is known: nothing was trained", where="fold_in")
    return np.setdiff1d(support[:, [0, 2]], known[:, [0, 2]])


def _edges(support: Ints, new: Ints, vectors: LinkVectors) -> _Edges:
    both = both_directions(support, vectors.num_relations)
    both = np.unique(both[np.isin(both[:, 0], new)], axis=0)
    return _Edges(*(torch.from_numpy(c) for c in (np.searchsorted(new, both[:, 0]), both[:, 1], both[:, 2])))


def _turned(relations: Tensor, num_relations: int) -> Tensor:
    return torch.where(relations < num_relations, relations + num_relations, relations - num_relations)
