"""`chiasm search`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from chiasm.cli.frame import Frame, frame_of, with_frame

if TYPE_CHECKING:
    from chiasm.client import Hit, Hits

__all__ = ["register"]

#: Of evidence, as explanations name it.
_KINDS = ("text", "image", "audio", "graph")
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
        typer.Option(metavar="KIND=W", help="As in image=0.5; default 1.", rich_help_panel=_PARTS),
    ] = None,
    into: Annotated[
        str | None, typer.Option(metavar="DOMAIN", help="Domain of the hits.", rich_help_panel=_NARROW)
    ] = None,
    domain_from: Annotated[
        str | None,
        typer.Option("--from", metavar="DOMAIN", help="Domain of the query.", rich_help_panel=_NARROW),
    ] = None,
    modality: Annotated[
        str | None, typer.Option(help="Hits must have text, image or audio.", rich_help_panel=_NARROW)
    ] = None,
    where: Annotated[
        str | None,
        typer.Option(metavar="EXPR", help='As in year >= 1900 and "pet" in tags.', rich_help_panel=_NARROW),
    ] = None,
    near: Annotated[
        str | None,
        typer.Option(metavar="KEY", help="Within --hops edges of an entity.", rich_help_panel=_NARROW),
    ] = None,
    hops: Annotated[int, typer.Option(min=1, rich_help_panel=_NARROW)] = 1,
    stubs: Annotated[
        bool, typer.Option("--stubs", help="Also entities only named by others.", rich_help_panel=_NARROW)
    ] = False,
    count: Annotated[int, typer.Option("-k", min=1, max=10_000, help="How many hits.")] = 10,
    explain: Annotated[
        bool, typer.Option("--explain", help="Say why: shares, neighbours, ranks without.")
    ] = False,
) -> None:
    """Find entities by words, pictures, sounds, other entities, or any mix of them."""
    frame = frame_of(context)
    hits = frame.knowledge_base().search(
        [*([words] if words is not None else []), *(text or ())] or None,
        image=image or None,
        audio=audio or None,
        entity=entity or None,
        not_text=not_text or None,
        not_image=not_image or None,
        not_audio=not_audio or None,
        not_entity=not_entity or None,
        weights=_weights(weight or []),
        into=into,
        domain_from=domain_from,
        modality=modality,
        where=where,
        near=near,
        hops=hops,
        k=count,
        explain=explain,
        stubs=stubs,
    )
    if frame.as_json:
        frame.answer(hits.to_dict())
    else:
        _show(frame, hits, explain)


def _weights(given: list[str]) -> dict[str, float]:
    from chiasm.cli.commands.train import assignments
    from chiasm.errors import UsageError

    weights = {}
    for kind, value in assignments(given).items():
        try:
            weights[kind] = float(value)
        except ValueError as error:
            raise UsageError(
                f"the weight {value!r} of {kind} is no number", remedy="as in image=0.5"
            ) from error
    return weights


def _show(frame: Frame, hits: Hits, explain: bool) -> None:
    from chiasm.cli.tables import plain_table

    for warning in hits.warnings:
        frame.note(f"note: {warning}")
    if hits:
        columns = ["", "score", "key", "title", "domain", "present"]
        rows = [(hit.rank, f"{hit.score:.3f}", hit.key, hit.title, hit.domain, hit.present) for hit in hits]
        frame.out().print(plain_table(columns, rows, right=["", "score"]))
    for hit in hits if explain else ():
        # What data calls itself is no markup.
        frame.out().print(_why(hit), markup=False, highlight=False, soft_wrap=True)
    frame.note(f"{len(hits)} hits from {hits.release} in {hits.took_ms:.1f} ms")


def _why(hit: Hit) -> str:
    """Shares with bars and ranks without them, what the neighbours add, paths; a line each."""
    why = hit.why or {}
    lines = [f"{hit.rank} {hit.key} {hit.title or ''}"]
    for kind in (kind for kind in _KINDS if kind in why):
        found = (why.get("without") or {}).get(kind)
        line = f"    {kind:<6}{why[kind]:>+6.0%}  {_bar(why[kind]):<12}"
        lines.append(line + (f"without {kind}: rank {hit.rank} -> {_rank(found)}" if found else ""))
    for edge in why.get("edges") or ():
        lines.append(f"    {edge['share']:>+12.1%}  {_path(['', *edge['path'][1:]]).strip()}")
    lines.extend(f"    path {_path(path)}" for path in why.get("paths") or ())
    return "\n".join(line.rstrip() for line in lines)


def _rank(found: Mapping[str, int | None]) -> str:
    return "not found" if found.get("rank") is None else str(found["rank"])


def _bar(share: float) -> str:
    """Ten characters for everything; what speaks against a hit is drawn otherwise."""
    return ("#" if share > 0 else "-") * min(round(abs(share) * 10), 20)


def _path(path: Sequence[str]) -> str:
    return " ".join(_arrow(at, step) for at, step in enumerate(path))


def _arrow(at: int, step: str) -> str:
    if at % 2 == 0:
        return step
    return f"<-{step[1:]}-" if step.startswith("^") else f"-{step}->"
