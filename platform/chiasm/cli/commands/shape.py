"""`chiasm graph near`, `chiasm graph trees` and `chiasm graph check`: the shape of the graph."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import typer

from chiasm.cli.frame import frame_of, with_frame

__all__ = ["add_to"]


def add_to(group: typer.Typer) -> None:
    """Add the commands to the group `graph`."""
    group.command("near")(with_frame(near))
    group.command("trees")(with_frame(trees))
    group.command("check")(with_frame(check))


def near(
    context: typer.Context,
    key: Annotated[str, typer.Argument(metavar="KEY", help="Key of an entity.")],
    hops: Annotated[int, typer.Option(min=1, max=6, help="Edges away, at most.")] = 2,
    limit: Annotated[int, typer.Option("-n", "--limit", min=1, max=10_000, help="At most so many.")] = 20,
    into: Annotated[str | None, typer.Option(metavar="DOMAIN", help="Of this domain.")] = None,
) -> None:
    """Show what stands around an entity, the nearest first."""
    from chiasm.cli.tables import plain_table

    frame = frame_of(context)
    found = frame.knowledge_base().graph.near(key, hops=hops, limit=limit, into=into)
    if frame.as_json:
        frame.answer(found)
        return
    names = ["hops", "information", "key", "title", "domain"]
    rows = [[one[name] for name in names] for one in found["entities"]]
    frame.out().print(plain_table(names, rows, right=["hops", "information"]))
    if found["total"] > len(rows):
        frame.note(f"{len(rows)} of {found['total']:,}; --limit shows more")


def trees(
    context: typer.Context,
    key: Annotated[
        str | None, typer.Argument(metavar="[KEY]", help="Show what lies above this entity.")
    ] = None,
    below: Annotated[bool, typer.Option("--below", help="What lies below it instead.")] = False,
    predicate: Annotated[
        list[str] | None,
        typer.Option(
            metavar="P", help="A predicate that is a hierarchy; ^P if its objects are the children."
        ),
    ] = None,
) -> None:
    """Show which predicates form hierarchies, and where an entity stands in them."""
    from chiasm.cli.tables import plain_table

    frame = frame_of(context)
    graph = frame.knowledge_base().graph
    if key is not None:
        walk = graph.subtree if below else graph.ancestors
        chosen: list[str | None] = [*predicate] if predicate else [None]
        found = [one for name in chosen for one in walk(key, predicate=name)]
        if frame.as_json:
            frame.answer(found)
            return
        names = ["steps", "key", "title", "predicate"]
        frame.out().print(plain_table(names, [[one[name] for name in names] for one in found]))
        return
    shapes = graph.trees(predicate or ())
    if frame.as_json:
        frame.answer(shapes)
        return
    names = ["predicate", "edges", "depth", "roots", "functional", "acyclic", "cycles_total"]
    if shapes:
        frame.out().print(plain_table(names, [[one[name] for name in names] for one in shapes]))
    else:
        frame.note("no predicate looks like a hierarchy; --predicate names one that is")
    for one in shapes:
        for cycle in one["cycles"]:
            frame.note(f"{one['predicate']}: a cycle of {', '.join(cycle)}")


def check(
    context: typer.Context,
    kind: Annotated[
        str | None,
        typer.Option(help="several_values, both_ways, self_loop, cycle, duplicate or dangling; default all."),
    ] = None,
    limit: Annotated[int, typer.Option("-n", "--limit", min=1, help="At most so many.")] = 50,
) -> None:
    """Show statements that go against what nearly all others do, the surest first."""
    from chiasm.cli.tables import plain_table

    frame = frame_of(context)
    found = frame.knowledge_base().graph.check(kind=kind, limit=limit)
    if frame.as_json:
        frame.answer(found)
        return
    rows = [
        (f"{flaw['confidence']:.2f}", flaw["kind"], "; ".join(map(_said, flaw["statements"])))
        for flaw in found["flaws"]
    ]
    if rows:
        frame.out().print(plain_table(["confidence", "kind", "statements"], rows, right=["confidence"]))
    counts = ", ".join(f"{count} {name}" for name, count in found["counts"].items() if count) or "no flaw"
    frame.note(f"{counts} in {found['statements']:,} statements")
    if found["total"] > len(rows):
        frame.note(f"the first {len(rows)}; --limit shows more")


def _said(statement: Mapping[str, Any]) -> str:
    return f"{statement['subject']} {statement['predicate']} {statement['object']}"
