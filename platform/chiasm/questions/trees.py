"""Hierarchies of a workspace: which predicates form one, and what lies above and below an entity."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from chiasm.errors import UsageError
from chiasm.search.replica import Ints, Replica
from chiasm.search.state import State
from chiasm_graph import Hierarchy, Shape, find_hierarchies, shape_of

__all__ = ["common_of", "trees_of", "walked"]

#: Cycles that are listed of one predicate, and entities of one.
_CYCLES, _MEMBERS = 20, 50


def trees_of(state: State, declared: Sequence[str] = ()) -> dict[str, Any]:
    """The answer of `chiasm graph trees --json`.

    Args:
        state: What there is.
        declared: Predicates that are hierarchies whatever they look like; `^` before one whose objects are the children.

    Raises:
        NotFoundError: There is no such predicate.
    """
    shapes = {shape.relation: (shape, False) for shape in _found(state)}
    for name in declared:
        shape = _declared(state.replica, name)
        shapes[shape.relation] = (shape, True)
    return {"trees": [_shown(state.replica, shape, given) for shape, given in shapes.values()]}


def walked(state: State, key: str, *, below: bool, predicate: str | None, limit: int) -> dict[str, Any]:
    """Entities above or below one, the nearest first, in every hierarchy or in one.

    Raises:
        NotFoundError: There is no such entity or predicate.
    """
    replica, row = state.replica, state.replica.row(key)
    found = []
    for shape in _chosen(state, predicate):
        tree = Hierarchy(replica.graph, shape.relation, upward=shape.upward)
        rows, steps = tree.subtree(row) if below else tree.ancestors(row)
        found += [
            {"predicate": _name(replica, shape), "steps": step, **_entity(replica, at)}
            for at, step in zip(rows.tolist(), steps.tolist(), strict=True)
            if replica.live[at]
        ]
    found.sort(key=lambda one: (one["steps"], one["key"], one["predicate"]))
    return {"key": key, "entities": found[:limit], "total": len(found)}


def common_of(state: State, one: str, other: str, *, predicate: str | None) -> dict[str, Any]:
    """The nearest entities above both of two; raises as `walked`."""
    replica = state.replica
    rows = replica.row(one), replica.row(other)
    found = []
    for shape in _chosen(state, predicate):
        shared: Ints = Hierarchy(replica.graph, shape.relation, upward=shape.upward).lowest_common(*rows)
        found += [{"predicate": _name(replica, shape), **_entity(replica, at)} for at in shared.tolist()]
    return {"keys": [one, other], "entities": found, "total": len(found)}


def _found(state: State) -> list[Shape]:
    name = ("questions", "trees")
    if name not in state.derived:
        state.derived[name] = find_hierarchies(state.replica.graph)
    shapes: list[Shape] = state.derived[name]
    return shapes


def _chosen(state: State, predicate: str | None) -> list[Shape]:
    if predicate is not None:
        return [_declared(state.replica, predicate)]
    found = _found(state)
    if not found:
        raise UsageError(
            "no predicate here looks like a hierarchy", where="predicate", remedy="name the one that is"
        )
    return found


def _declared(replica: Replica, name: str) -> Shape:
    """A predicate, the way that was said; without a sign the way that is more like a tree."""
    plain = name.removeprefix("^")
    relation = replica.predicate(plain)
    if name.startswith("^"):
        return shape_of(replica.graph, relation, upward=False)
    up, down = (shape_of(replica.graph, relation, upward=upward) for upward in (True, False))
    return down if down.is_hierarchy and not up.is_hierarchy else up


def _name(replica: Replica, shape: Shape) -> str:
    return ("" if shape.upward else "^") + replica.predicates[shape.relation]


def _shown(replica: Replica, shape: Shape, declared: bool) -> dict[str, Any]:
    tree = Hierarchy(replica.graph, shape.relation, upward=shape.upward)
    cycles = tree.cycles()
    listed = [[replica.keys[row] for row in cycle[:_MEMBERS]] for cycle in cycles[:_CYCLES]]
    figures = {name: value for name, value in asdict(shape).items() if name not in ("relation", "upward")}
    rounded = {
        name: round(value, 4) if isinstance(value, float) else value for name, value in figures.items()
    }
    facts = {"declared": declared, "cycles": listed, "cycles_total": len(cycles)}
    return {"predicate": _name(replica, shape), **rounded, **facts}


def _entity(replica: Replica, row: int) -> dict[str, Any]:
    return {"key": replica.keys[row], "title": replica.titles[row]}
