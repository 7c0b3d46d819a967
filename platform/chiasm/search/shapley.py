"""Shapley values: what each player brings to a game, over all orders in which they may join."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import combinations
from math import factorial

__all__ = ["coalitions", "shapley"]


def coalitions(players: Sequence[str]) -> Iterator[frozenset[str]]:
    """All sets of players, from nobody to everybody."""
    for size in range(len(players) + 1):
        yield from map(frozenset, combinations(players, size))


def shapley(players: Sequence[str], value: Callable[[frozenset[str]], float]) -> dict[str, float]:
    """The Shapley value of each player; together they are the worth of all less that of nobody.

    ::

        phi(i) = sum over S without i of  |S|! (n - |S| - 1)! / n!  (v(S + i) - v(S))

    Exact: an entity has at most four kinds of token, so there are at most 16 coalitions.

    Args:
        players: Names.
        value: Worth of a coalition.

    References:
        Shapley 1953, "A value for n-person games"; Lundberg and Lee 2017 for its use on models.
    """
    count = len(players)
    shares = {}
    for player in players:
        others = [one for one in players if one != player]
        shares[player] = sum(
            factorial(len(some))
            * factorial(count - len(some) - 1)
            / factorial(count)
            * (value(some | {player}) - value(some))
            for some in coalitions(others)
        )
    return shares
