"""`chiasm search`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from chiasm.cli.frame import Frame, frame_of, with_frame
from chiasm.cli.given import read_batch, read_vector
from chiasm.cli.hits import show_hits
from chiasm.cli.narrowing import (
    Count,
    Cursor,
    Diversity,
    Explain,
    Fuse,
    GroupBy,
    GroupSize,
    Hops,
    Into,
    Match,
    Modality,
    Near,
    PropertyPath,
    Stubs,
    Where,
)
from chiasm.errors import UsageError

__all__ = ["register"]

_PARTS = "What to look for"
_NARROW = "Where to look"


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("search")(with_frame(search))


def search(
    context: typer.Context,
    words: Annotated[str | None, typer.Argument(metavar="[TEXT]", help="Words or a sentence.")] = None,
    text: Annotated[
        list[str] | None, typer.Option("--text", help="More text.", rich_help_panel=_PARTS)
    ] = None,
    image: Annotated[list[Path] | None, typer.Option(help="A picture.", rich_help_panel=_PARTS)] = None,
    audio: Annotated[list[Path] | None, typer.Option(help="A sound.", rich_help_panel=_PARTS)] = None,
    entity: Annotated[
        list[str] | None, typer.Option(help="Key of an entity.", rich_help_panel=_PARTS)
    ] = None,
    not_text: Annotated[
        list[str] | None, typer.Option(help="What hits must not be like.", rich_help_panel=_PARTS)
    ] = None,
    not_image: Annotated[list[Path] | None, typer.Option(rich_help_panel=_PARTS)] = None,
    not_audio: Annotated[list[Path] | None, typer.Option(rich_help_panel=_PARTS)] = None,
    not_entity: Annotated[list[str] | None, typer.Option(rich_help_panel=_PARTS)] = None,
    weight: Annotated[
        list[str] | None,
        typer.Option(metavar="KIND=W", help="As in image=0.5 or match=2; default 1.", rich_help_panel=_PARTS),
    ] = None,
    vector: Annotated[
        list[str] | None,
        typer.Option(metavar="FILE", help="A vector: .npy, or a JSON list.", rich_help_panel=_PARTS),
    ] = None,
    match: Match = None,
    fuse: Fuse = "rrf",
    into: Into = None,
    domain_from: Annotated[
        str | None,
        typer.Option("--from", metavar="DOMAIN", help="Domain of the query.", rich_help_panel=_NARROW),
    ] = None,
    modality: Modality = None,
    where: Where = None,
    near: Near = None,
    hops: Hops = 1,
    path: PropertyPath = None,
    stubs: Stubs = False,
    count: Count = 10,
    diversity: Diversity = 0.0,
    group_by: GroupBy = None,
    group_size: GroupSize = 1,
    cursor: Cursor = None,
    explain: Explain = False,
    batch: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE.jsonl",
            help="Many queries, a JSON object a line with the names that Python's kb.search has.",
            rich_help_panel=_PARTS,
        ),
    ] = None,
) -> None:
    """Find entities by words, pictures, sounds, other entities, vectors, or any mix of them."""
    frame = frame_of(context)
    if batch is not None:
        if any((words, text, image, audio, entity, vector, match)):
            raise UsageError("--batch takes all queries from its file", remedy="leave out what else is asked")
        _show_batch(frame, batch)
        return
    hits = frame.knowledge_base().search(
        [*([words] if words is not None else []), *(text or ())] or None,
        image=image or None,
        audio=audio or None,
        entity=entity or None,
        vector=[read_vector(one) for one in vector] if vector else None,
        not_text=not_text or None,
        not_image=not_image or None,
        not_audio=not_audio or None,
        not_entity=not_entity or None,
        weights=_weights(weight or []),
        match=match,
        fuse=fuse,
        into=into,
        domain_from=domain_from,
        modality=modality,
        where=where,
        near=near,
        hops=hops,
        path=path,
        diversity=diversity,
        group_by=group_by,
        group_size=group_size,
        k=count,
        cursor=cursor,
        explain=explain,
        stubs=stubs,
    )
    show_hits(frame, hits, explain=explain, grouped=group_by is not None)


def _show_batch(frame: Frame, file: Path) -> None:
    queries = read_batch(file)
    for number, (query, hits) in enumerate(
        zip(queries, frame.knowledge_base().search_batch(queries), strict=True), start=1
    ):
        if frame.as_json:
            frame.line(hits.to_dict())
        else:
            frame.note(f"query {number}")
            explain, grouped = bool(query.get("explain")), query.get("group_by") is not None
            show_hits(frame, hits, explain=explain, grouped=grouped)


def _weights(given: list[str]) -> dict[str, float]:
    from chiasm.cli.commands.train import assignments

    weights = {}
    for kind, value in assignments(given).items():
        try:
            weights[kind] = float(value)
        except ValueError as error:
            raise UsageError(
                f"the weight {value!r} of {kind} is no number", remedy="as in image=0.5"
            ) from error
    return weights
