"""All statements of a workspace, as files that other tools read."""

from __future__ import annotations

import json
from collections.abc import Collection
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from chiasm.cli.frame import Frame
from chiasm.errors import UsageError
from chiasm.origins import GIVEN, ORIGINS

if TYPE_CHECKING:
    from chiasm_graph import TripleTable

__all__ = ["write_statements"]

_Counts = dict[str, int]


def write_statements(frame: Frame, file: Path, *, derived: bool = False) -> _Counts:
    """Write the file aside and rename it: an interrupted export leaves no half file; how many edges and literals.

    Args:
        frame: Of the command.
        file: Where to.
        derived: Whether what rules and models derived is written too, with its origin.

    Raises:
        UsageError: An unknown format, or one that cannot hold a name.
    """
    from chiasm_graph.errors import GraphFileError
    from chiasm_graph.formats import graph_suffixes, write_graph

    suffix = file.suffix.lower()
    if suffix not in graph_suffixes():
        raise UsageError(
            f"unknown format {file.suffix!r}", where=str(file), remedy=f"use {', '.join(graph_suffixes())}"
        )
    file.parent.mkdir(parents=True, exist_ok=True)
    aside = file.with_name(f".{file.stem}.part{file.suffix}")
    try:
        if suffix == ".graphml":
            counts = _graphml(frame, aside, ORIGINS if derived else GIVEN)
        else:
            table, about = _collected(frame, ORIGINS if derived else GIVEN)
            counts = {"edges": table.edges.size, "literals": table.literals.size}
            if suffix == ".json":
                _node_link(table, about, aside)
            else:
                write_graph(table, aside)
        aside.replace(file)
    except GraphFileError as error:
        raise UsageError(error.what, where=error.where, remedy=error.remedy) from error
    finally:
        aside.unlink(missing_ok=True)
    return counts


def _collected(frame: Frame, origins: Collection[str]) -> tuple[TripleTable, dict[str, dict[str, Any]]]:
    """The statements, and title and domain of the entities in them."""
    from chiasm_graph.store import TableBuilder

    builder, about = TableBuilder(), dict[str, dict[str, Any]]()
    for row in frame.knowledge_base().graph:
        if row["origin"] not in origins:
            continue
        said = {"origin": row["origin"], "confidence": row["confidence"]}
        for end in ("subject", "object"):
            if row[end] is not None and row[end] not in about:
                known = {"title": row[f"{end}_title"], "domain": row[f"{end}_domain"]}
                about[row[end]] = {name: value for name, value in known.items() if value is not None}
        if row["object"] is None:
            builder.literal(row["subject"], row["predicate"], row["value"], **said)
        else:
            builder.edge(row["subject"], row["predicate"], row["object"], **said)
    return builder.finish(), about


def _node_link(table: TripleTable, about: dict[str, dict[str, Any]], file: Path) -> None:
    import networkx

    from chiasm_graph import to_networkx

    graph = to_networkx(table)
    for key, known in about.items():
        graph.nodes[key].update(known)
    data = networkx.node_link_data(graph, edges="edges")
    file.write_text(json.dumps(data, ensure_ascii=False), encoding="utf-8")


def _graphml(frame: Frame, file: Path, origins: Collection[str]) -> _Counts:
    """As a stream, with all that is known of the entities."""
    from chiasm.archive.entities import given_entities
    from chiasm.archive.formats.graphml import write_graphml
    from chiasm.cli.working import shown

    home = frame.open_home()
    workspace_id = home.catalog.workspace_id(home.settings.workspace)
    with shown(frame, "graph export") as watch:
        given = partial(given_entities, home.catalog, workspace_id)
        counts = write_graphml(given, file, watch, exact=True, origins=origins)
    return {"edges": counts["relations"], "literals": counts["literals"]}
