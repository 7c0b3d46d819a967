"""The nuclear 3-norm of factors."""

from __future__ import annotations

from torch import Tensor

__all__ = ["n3_loss"]


def n3_loss(heads: Tensor, relations: Tensor, weights: Tensor) -> Tensor:
    r"""``sum_q w_q (2 ||h_q||_3^3 + ||r_q||_3^3) / sum_q w_q``.

    The paper's sum goes over head, relation and tail of each triple. Here each triple is learned in both
    directions, and the tail of one is the head of the other: twice the heads is the same sum, without
    a gather of all tails.

    Args:
        heads: Moduli of the queries' heads, ``(B, factors)``.
        relations: Moduli of their relations, ``(B, factors)``, or ``(B, 0)`` where these are bounded.
        weights: Triples of each query, ``(B,)``.

    Returns:
        A scalar.

    References:
        Lacroix et al. 2018, "Canonical Tensor Decomposition for Knowledge Base Completion", eq. 7.
    """
    cubes = 2 * heads.pow(3).sum(1) + relations.pow(3).sum(1)
    return (weights * cubes).sum() / weights.sum()
