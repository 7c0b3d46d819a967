"""Typed paths: which entities a sequence of predicates leads to.

A small part of SPARQL's property paths: steps separated by `/`, each one predicate or several separated by `|`,
a predicate backwards with `^` before it. A step of one predicate may be repeated: `^part_of+` once or more, `^part_of*`
also not at all, which is all that lies below in a hierarchy. Names that hold one of these signs, as addresses do, stand
in `<...>`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from chiasm.errors import UsageError

if TYPE_CHECKING:
    from chiasm.search.replica import Bools, Ints, Replica

__all__ = ["PropertyPath", "follow", "parse_path"]

_MAX_STEPS = 6
_MAX_CHOICES = 16
_MAX_LENGTH = 10_000
_TOKEN = re.compile(r"\s*(?:(<[^<>]*>|[^/|^<>+*\s](?:[^/|^<>+*]*[^/|^<>+*\s])?)|([/|^+*]))\s*")
_REMEDY = "as in made_of/^made_of, part_of|made_of or ^part_of+; names with / | ^ + * in them stand in <...>"

#: Name of a predicate, and whether it is followed from its object to its subject.
Choice = tuple[str, bool]


@dataclass(frozen=True)
class PropertyPath:
    """Steps, each with the predicates that may be taken.

    Raises:
        UsageError: It is empty or too long.
    """

    steps: tuple[tuple[Choice, ...], ...]
    #: Of each step `+`, `*` or nothing; empty where none is repeated.
    repeats: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not 1 <= len(self.steps) <= _MAX_STEPS:
            raise _wrong(f"it has {len(self.steps)} steps, and 1 to {_MAX_STEPS} are possible")
        for step in self.steps:
            if not 1 <= len(step) <= _MAX_CHOICES:
                raise _wrong(f"a step has {len(step)} predicates, and 1 to {_MAX_CHOICES} are possible")
            if any(not name.strip() for name, _ in step):
                raise _wrong("a predicate has no name")

    def __str__(self) -> str:
        repeats = self.repeats or ("",) * len(self.steps)
        return "/".join(
            "|".join(map(_shown, step)) + sign for step, sign in zip(self.steps, repeats, strict=True)
        )


def parse_path(given: str | Sequence[str | Sequence[str]]) -> PropertyPath:
    """The path of an expression, or of a list of steps: names, or lists of names that may be taken.

    In a list a name is one predicate, with `^` before it backwards, whatever other signs it holds.

    Raises:
        UsageError: It cannot be understood.
    """
    if isinstance(given, str):
        return _parsed(given)
    if not isinstance(given, (list, tuple)):
        raise _wrong(f"it is {type(given).__name__}")
    listed = [[step] if isinstance(step, str) else step for step in given]
    if not all(isinstance(step, (list, tuple)) and all(isinstance(n, str) for n in step) for step in listed):
        raise _wrong("a step is neither a name nor a list of names")
    return PropertyPath(
        tuple(tuple((name.removeprefix("^"), name.startswith("^")) for name in step) for step in listed)
    )


def follow(replica: Replica, row: int, path: PropertyPath) -> Bools:
    """Entities at the end of a path that begins at an entity, ``(rows,)``; it may lead back to where it began.

    Raises:
        NotFoundError: There is no such predicate.
    """
    reached = np.zeros(len(replica), dtype=np.bool_)
    reached[row] = True
    for step, sign in zip(path.steps, path.repeats or ("",) * len(path.steps), strict=True):
        wanted = np.array([_relation(replica, choice) for choice in step], dtype=np.int64)
        before, reached = reached, _step(replica, np.flatnonzero(reached), wanted)
        if sign:
            reached = _closed(replica, reached, wanted)
        if sign == "*":
            reached |= before
    return reached


def _closed(replica: Replica, reached: Bools, wanted: Ints) -> Bools:
    """With all that further steps reach; a cycle ends, as nothing in it is new."""
    front = reached
    while front.any():
        front = _step(replica, np.flatnonzero(front), wanted) & ~reached
        reached = reached | front
    return reached


def _step(replica: Replica, front: Ints, wanted: Ints) -> Bools:
    _, at = replica.graph.half_edges(front)
    edges = replica.graph.adjacency
    reached = np.zeros(len(replica), dtype=np.bool_)
    reached[edges.neighbour[at[np.isin(edges.relation[at], wanted)]]] = True
    return reached


def _relation(replica: Replica, choice: Choice) -> int:
    """Number of a half-edge's relation: inverse ones come after the others."""
    name, inverse = choice
    return replica.predicate(name) + (replica.graph.num_relations if inverse else 0)


def _parsed(text: str) -> PropertyPath:
    if len(text) > _MAX_LENGTH:
        raise _wrong(f"it has {len(text)} characters, and {_MAX_LENGTH} are possible")
    steps: list[list[Choice]] = [[]]
    repeats = [""]
    at, inverse, open_ = 0, False, True
    while at < len(text):
        token = _TOKEN.match(text, at)
        if token is None:
            raise _wrong(f"it cannot be read from {text[at : at + 20]!r} on")
        at = token.end()
        name, sign = token.groups()
        if name is not None and open_:
            steps[-1].append((name.strip("<>"), inverse))
            inverse, open_ = False, False
        elif sign == "^" and open_ and not inverse:
            inverse = True
        elif sign in ("+", "*") and not open_ and not repeats[-1] and len(steps[-1]) == 1:
            repeats[-1] = sign
        elif sign in ("/", "|") and not open_ and not (sign == "|" and repeats[-1]):
            open_ = True
            if sign == "/":
                steps.append([])
                repeats.append("")
        else:
            raise _wrong(f"{(name or sign)!r} stands where it cannot")
    if open_:
        raise _wrong("a predicate is missing at its end")
    return PropertyPath(tuple(map(tuple, steps)), tuple(repeats) if any(repeats) else ())


def _shown(choice: Choice) -> str:
    name, inverse = choice
    return ("^" if inverse else "") + (f"<{name}>" if re.search(r"[/|^+*\s]", name) else name)


def _wrong(reason: str) -> UsageError:
    return UsageError(f"the path cannot be followed: {reason}", where="path", remedy=_REMEDY)
