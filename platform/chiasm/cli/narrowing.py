"""Options that `search` and `recommend` share: where to look, and how hits are ordered and counted."""

from __future__ import annotations

from typing import Annotated

import typer

__all__ = [
    "Count",
    "Cursor",
    "Diversity",
    "Explain",
    "Fuse",
    "GroupBy",
    "GroupSize",
    "Hops",
    "Into",
    "Match",
    "Modality",
    "Near",
    "PropertyPath",
    "Stubs",
    "Where",
]

_WORDS = "Words"
_NARROW = "Where to look"
_ORDER = "Which hits, and how many"

Match = Annotated[
    str | None,
    typer.Option(
        metavar="WORDS",
        help='Words and "quoted phrases" that titles and texts have any of; alone, or with the rest.',
        rich_help_panel=_WORDS,
    ),
]
Fuse = Annotated[
    str,
    typer.Option(
        metavar="rrf|weights", help="Join --match and the rest by ranks or by scores.", rich_help_panel=_WORDS
    ),
]
Into = Annotated[
    str | None, typer.Option(metavar="DOMAIN", help="Domain of the hits.", rich_help_panel=_NARROW)
]
Modality = Annotated[
    str | None, typer.Option(help="Hits must have text, image, audio or graph.", rich_help_panel=_NARROW)
]
Where = Annotated[
    str | None,
    typer.Option(metavar="EXPR", help='As in year >= 1900 and "pet" in tags.', rich_help_panel=_NARROW),
]
Near = Annotated[
    str | None,
    typer.Option(metavar="KEY", help="Within --hops edges of an entity.", rich_help_panel=_NARROW),
]
Hops = Annotated[int, typer.Option(min=1, rich_help_panel=_NARROW)]
PropertyPath = Annotated[
    str | None,
    typer.Option(
        "--path",
        metavar="PATH",
        help="Predicates from --near to hits, as in made_of/^made_of, part_of|made_of or ^part_of+.",
        rich_help_panel=_NARROW,
    ),
]
Stubs = Annotated[
    bool, typer.Option("--stubs", help="Also entities only named by others.", rich_help_panel=_NARROW)
]
Count = Annotated[
    int, typer.Option("-k", min=1, max=10_000, help="How many hits (or groups).", rich_help_panel=_ORDER)
]
Diversity = Annotated[
    float,
    typer.Option(min=0.0, max=1.0, help="How much unlikeness among hits counts.", rich_help_panel=_ORDER),
]
GroupBy = Annotated[
    str | None,
    typer.Option(metavar="NAME", help="domain, or an attribute; -k counts groups.", rich_help_panel=_ORDER),
]
GroupSize = Annotated[int, typer.Option(min=1, help="Hits of a group at most.", rich_help_panel=_ORDER)]
Cursor = Annotated[
    str | None,
    typer.Option(
        metavar="CURSOR", help="Go on after the hits of the answer that gave it.", rich_help_panel=_ORDER
    ),
]
Explain = Annotated[
    bool, typer.Option("--explain", help="Say why: shares and paths.", rich_help_panel=_ORDER)
]
