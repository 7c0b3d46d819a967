"""Batches of queries with their tails, drawn anew each epoch."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from chiasm_graph.link_prediction.queries import Queries

__all__ = ["QueryBatch", "query_batches"]

Ints = npt.NDArray[np.int64]
#: A query gives a batch at most this share of its triples, so that a hub does not make a batch of its own.
MOST_OF_A_BATCH = 8


class QueryBatch(NamedTuple):
    """Queries and, for each, some of its tails: ``(heads[owners[i]], relations[owners[i]], tails[i])`` are triples."""

    #: (B,) int64
    heads: Tensor
    #: (B,) int64
    relations: Tensor
    #: (T,) int64, query of each triple, ascending
    owners: Tensor
    #: (T,) int64
    tails: Tensor
    #: (B,) triples of each query
    counts: Tensor


def query_batches(
    queries: Queries, batch_size: int, generator: np.random.Generator, *, whole: bool = False
) -> Iterator[QueryBatch]:
    """Every triple once, in batches of about ``batch_size`` triples.

    Tails of one query stay together, because they share its row of scores; long lists are cut at random.

    Args:
        queries: Grouped triples, both directions.
        batch_size: Triples a batch; one that begins below it is finished.
        generator: Decides cuts and order.
        whole: Keep all tails of a query together, as losses need that take other entities for wrong.
    """
    total = len(queries.tails)
    most = total if whole else max(1, batch_size // MOST_OF_A_BATCH)
    query_of = np.repeat(np.arange(len(queries)), np.diff(queries.indptr))
    mixed = np.lexsort((generator.random(total), query_of))
    rank = np.arange(total) - np.repeat(queries.indptr[:-1], np.diff(queries.indptr))
    first = rank % most == 0
    piece_of = np.cumsum(first) - 1
    pieces = np.flatnonzero(first)
    place = np.empty(len(pieces), dtype=np.int64)
    place[generator.permutation(len(pieces))] = np.arange(len(pieces))
    order = np.argsort(place[piece_of], kind="stable")
    query, tails = query_of[order], queries.tails[mixed][order]
    starts = np.flatnonzero(np.diff(place[piece_of][order], prepend=-1))
    # The batch of a piece is that of its first triple.
    batch_of = starts // batch_size
    cuts = np.append(np.flatnonzero(np.diff(batch_of, prepend=-1)), len(starts))
    ends = np.append(starts, total)
    for low, high in pairwise(cuts):
        counts = np.diff(ends[low : high + 1])
        at = query[starts[low:high]]
        yield QueryBatch(
            torch.from_numpy(queries.heads[at]),
            torch.from_numpy(queries.relations[at]),
            torch.from_numpy(np.repeat(np.arange(high - low), counts)),
            torch.from_numpy(tails[ends[low] : ends[high]]),
            torch.from_numpy(counts).to(torch.float32),
        )
