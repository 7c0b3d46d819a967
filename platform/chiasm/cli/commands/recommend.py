"""`chiasm recommend`."""

from __future__ import annotations

from typing import Annotated, Any

import typer
from typer.core import TyperCommand

from chiasm.cli.frame import frame_of, with_frame
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

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("recommend", cls=_ManyKeys)(with_frame(recommend))


class _ManyKeys(TyperCommand):
    """`--liked A B` is `--liked A --liked B`: no other word of this command stands alone."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        given: list[str] = []
        option: str | None = None
        for word in args:
            if option is not None and not word.startswith("-") and given[-1] != option:
                given.append(option)
            given.append(word)
            if word.startswith("-"):
                option = word if word in ("--liked", "--disliked") else None
        return super().parse_args(ctx, given)


def recommend(
    context: typer.Context,
    liked: Annotated[list[str], typer.Option(metavar="KEY", help="An entity that is liked; repeatable.")],
    disliked: Annotated[
        list[str] | None, typer.Option(metavar="KEY", help="An entity that is not; repeatable.")
    ] = None,
    strategy: Annotated[
        str,
        typer.Option(metavar="average|best", help="Near to the centre of what is liked, or to any of it."),
    ] = "average",
    match: Match = None,
    fuse: Fuse = "rrf",
    into: Into = None,
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
) -> None:
    """Find entities for somebody who likes some and dislikes others; these are no hits."""
    frame = frame_of(context)
    hits = frame.knowledge_base().recommend(
        liked,
        disliked or None,
        strategy=strategy,
        match=match,
        fuse=fuse,
        into=into,
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
