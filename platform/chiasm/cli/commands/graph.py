"""`chiasm graph`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from chiasm.cli.commands import shape
from chiasm.cli.commands.reasoning import group as reasoning
from chiasm.cli.frame import frame_of, with_frame

__all__ = ["register"]

group = typer.Typer(no_args_is_help=True, help="The knowledge graph.")
group.add_typer(reasoning)
Key = Annotated[str, typer.Argument(metavar="KEY", help="Key of an entity.")]


def register(app: typer.Typer) -> None:
    """Add the group."""
    shape.add_to(group)
    app.add_typer(group, name="graph")


@group.command("show")
@with_frame
def show(
    context: typer.Context,
    key: Key,
    hops: Annotated[int, typer.Option(min=1, max=6)] = 1,
    limit: Annotated[int, typer.Option("-n", "--limit", min=1, help="At most so many edges.")] = 100,
) -> None:
    """Show an entity and the edges around it."""
    from chiasm.cli.tables import fields_table, plain_table

    frame = frame_of(context)
    base = frame.knowledge_base()
    entity, around = base.entity(key), base.graph.around(key, hops=hops, limit=limit)
    if frame.as_json:
        frame.answer({"entity": entity.to_dict(), **around})
        return
    console = frame.out()
    fields = {
        "key": entity.key,
        "title": entity.title,
        "domain": entity.domain,
        "present": entity.present,
        **entity.attributes,
        **{row["predicate"]: row["value"] for row in entity.relations if "value" in row},
    }
    console.print(fields_table(fields))
    titles = {name: node["title"] for name, node in around["nodes"].items()}
    rows = [
        (edge["subject"], edge["predicate"], edge["object"], titles[edge["object"]], _source(edge))
        for edge in around["edges"]
    ]
    console.print(plain_table(["subject", "predicate", "object", "title", ""], rows))
    if around["truncated"]:
        frame.note(f"the first {limit} edges; --limit shows more")


def _source(edge: Mapping[str, Any]) -> str:
    """Where an edge comes from, where nobody stated it."""
    from chiasm.origins import GIVEN

    return "" if edge["origin"] in GIVEN else f"{edge['origin']} {edge['confidence']:.2f}"


@group.command("path")
@with_frame
def path(
    context: typer.Context,
    start: Annotated[str, typer.Argument(metavar="A")],
    goal: Annotated[str, typer.Argument(metavar="B")],
    hops: Annotated[int, typer.Option("--max-hops", min=1, max=6)] = 4,
    limit: Annotated[int, typer.Option("-n", "--limit", min=1)] = 5,
    shortest: Annotated[bool, typer.Option("--shortest", help="The shortest ones alone.")] = False,
) -> None:
    """Show the paths between two entities that say the most: over rare predicates and past no hubs."""
    frame = frame_of(context)
    graph = frame.knowledge_base().graph
    if shortest:
        paths = graph.paths(start, goal, max_hops=hops, limit=limit)
        found: dict[str, Any] = {"paths": paths, "information": [None] * len(paths), "complete": True}
    else:
        found = graph.informative_paths(start, goal, max_hops=hops, limit=limit)
    if frame.as_json:
        frame.answer(found)
        return
    from rich.text import Text

    for steps, bits in zip(found["paths"], found["information"], strict=True):
        line = Text()
        line.append("" if bits is None else f"{bits:7.2f} bits  ", style="dim")
        for at, step in enumerate(steps):
            line.append(f" {step} " if at % 2 else step, style="dim" if at % 2 else "")
        frame.out().print(line)
    if not found["paths"]:
        frame.note(f"no path within {hops} hops")
    if not found["complete"]:
        frame.note("there is too much in between: others may say more; --max-hops looks less far")


@group.command("link")
@with_frame
def link(
    context: typer.Context,
    mention: Annotated[
        str | None, typer.Argument(metavar="[MENTION]", help="Words that name something.")
    ] = None,
    image: Annotated[Path | None, typer.Option(help="Or a picture of it.")] = None,
    into: Annotated[str | None, typer.Option(metavar="DOMAIN", help="Domain of the candidates.")] = None,
    count: Annotated[int, typer.Option("-k", min=1, max=1000, help="How many candidates.")] = 5,
) -> None:
    """Show which entities a mention may mean."""
    from chiasm.cli.tables import plain_table

    frame = frame_of(context)
    found = frame.knowledge_base().graph.link(mention, image=image, k=count, into=into)
    if frame.as_json:
        frame.answer(found)
        return
    names = ("rank", "score", "key", "title", "domain", "by", "name", "edges")
    rows = [
        [f"{one[name]:.3f}" if name == "score" else one[name] for name in names]
        for one in found["candidates"]
    ]
    if rows:
        frame.out().print(plain_table(["", *names[1:]], rows, right=["", "score", "edges"]))
    for warning in found.get("warnings", ()):
        frame.note(f"note: {warning}")
    tied = f", {found['tied_beyond']} more with the last score" if found["tied_beyond"] else ""
    frame.note(f"{len(rows)} candidates{tied} in {found['took_ms']:.1f} ms")


@group.command("export")
@with_frame
def export(
    context: typer.Context,
    file: Annotated[
        Path,
        typer.Argument(
            metavar="FILE", help="*.nt, *.ttl, *.rdf, *.graphml, *.json (node-link), *.tsv or *.csv."
        ),
    ],
    derived: Annotated[
        bool, typer.Option("--derived", help="With what rules and models derived, and its origin.")
    ] = False,
) -> None:
    """Write statements to a file, with origin and confidence; `ingest` reads them back."""
    from chiasm.cli.exporting import write_statements

    frame = frame_of(context)
    counts = write_statements(frame, file, derived=derived)
    if frame.as_json:
        frame.answer({"file": str(file), **counts})
    else:
        frame.out().print(f"{counts['edges']:,} edges and {counts['literals']:,} literals in {file}")
