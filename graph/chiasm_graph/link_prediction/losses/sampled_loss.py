"""Cross-entropy against a sample of all entities that a batch shares."""

from __future__ import annotations

import math

import torch
from torch import Tensor

__all__ = ["sampled_loss"]


def sampled_loss(
    own: Tensor, others: Tensor, owners: Tensor, tails: Tensor, drawn: Tensor, num_entities: int
) -> Tensor:
    r"""``mean over triples of log(exp s_qt + (N - 1) / M sum_m exp s_qm) - s_qt``.

    The sample stands for all other entities, so its sum is scaled up: the loss of `one_vs_all_loss` for
    ``M / N`` of its products. Tails of the query that the sample
    happens to hold do not count against it.

    Args:
        own: Score of each triple, ``(T,)``.
        others: Scores of the sample for each query, ``(B, M)``.
        owners: Query of each triple, ``(T,)`` int64.
        tails: Tail of each triple, ``(T,)`` int64.
        drawn: The sample, evenly from all entities, ``(M,)`` int64.
        num_entities: ``N``.

    Returns:
        A scalar.

    References:
        Jean et al. 2015, "On Using Very Large Target Vocabulary for Neural Machine Translation", section 3.
    """
    order = drawn.sort()
    first = torch.searchsorted(order.values, tails)
    count = torch.searchsorted(order.values, tails, right=True) - first
    row = torch.repeat_interleave(owners, count)
    offset = torch.arange(len(row)) - torch.repeat_interleave(count.cumsum(0) - count, count)
    column = order.indices[torch.repeat_interleave(first, count) + offset]
    # Not infinite: a row of nothing else would have no gradient.
    others = others.index_put((row, column), others.new_tensor(-1e30))
    rest = others.logsumexp(1) + math.log((num_entities - 1) / len(drawn))
    return (torch.logaddexp(own, rest[owners]) - own).mean()
