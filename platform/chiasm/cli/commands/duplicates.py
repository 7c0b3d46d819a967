"""`chiasm duplicates`."""

from __future__ import annotations

from itertools import islice
from typing import Annotated, Any

import typer

from chiasm.cli.frame import Frame, frame_of, with_frame

__all__ = ["register"]

_Domain = Annotated[str | None, typer.Option(help="Within a domain only.")]
_Modality = Annotated[str | None, typer.Option(help="text, image or audio only.")]
_Wait = Annotated[bool, typer.Option("--wait/--no-wait", help="Wait until search is right again.")]


def register(app: typer.Typer) -> None:
    """Add the group."""
    group = typer.Typer(no_args_is_help=True, help="Entities that are one thing: find, merge, take apart.")
    for name, command in (
        ("find", find),
        ("list", list_pairs),
        ("merge", merge),
        ("unmerge", unmerge),
        ("dismiss", dismiss),
    ):
        group.command(name)(with_frame(command))
    app.add_typer(group, name="duplicates")


def find(
    context: typer.Context,
    domain: _Domain = None,
    modality: _Modality = None,
    min_confidence: Annotated[float, typer.Option(help="Leave out pairs that are less sure.")] = 0.9,
    wait: Annotated[bool, typer.Option("--wait/--no-wait", help="Wait for the job.")] = True,
    limit: Annotated[int, typer.Option(help="Show so many pairs.")] = 50,
) -> None:
    """Compare all entities and show those that may be one thing."""
    from chiasm.cli.commands.ingest import submitted
    from chiasm.cli.waiting import wait_for

    frame = frame_of(context)
    kb = frame.knowledge_base()
    job = kb.duplicates.find(domain=domain, modality=modality, min_confidence=min_confidence)
    if not wait:
        submitted(frame, job.id)
        return
    wait_for(frame, job)
    found = kb.duplicates.list(domain=domain, modality=modality, min_confidence=min_confidence)
    _show(frame, list(islice(found, limit)), {"job": job.id})


def list_pairs(
    context: typer.Context,
    state: Annotated[str, typer.Option(help="found, merged or dismissed.")] = "found",
    domain: _Domain = None,
    modality: _Modality = None,
    min_confidence: Annotated[float, typer.Option(help="Leave out pairs that are less sure.")] = 0.0,
    limit: Annotated[int, typer.Option(help="Show so many pairs.")] = 50,
) -> None:
    """Show pairs that were found, merged or dismissed; the surest first."""
    frame = frame_of(context)
    found = frame.knowledge_base().duplicates.list(
        state=state, domain=domain, modality=modality, min_confidence=min_confidence
    )
    _show(frame, list(islice(found, limit)), {})


def merge(
    context: typer.Context,
    keep: Annotated[str, typer.Argument(metavar="KEEP", help="The entity that stays.")],
    others: Annotated[list[str], typer.Argument(metavar="OTHER...", help="Those that become names of it.")],
    wait: _Wait = True,
) -> None:
    """Merge entities into one; `unmerge` undoes it."""
    frame = frame_of(context)
    answer = frame.knowledge_base().merge(keep, *others)
    done = ", ".join(answer["merged"]) or "nothing new"
    _done(frame, answer, f"{answer['key']}: {done}", wait=wait)


def unmerge(
    context: typer.Context,
    key: Annotated[str, typer.Argument(metavar="KEY", help="A merged entity.")],
    wait: _Wait = True,
) -> None:
    """Make a merged entity what it was."""
    frame = frame_of(context)
    answer = frame.knowledge_base().unmerge(key)
    _done(frame, answer, f"{key} is itself again, no part of {answer['kept']}", wait=wait)


def dismiss(
    context: typer.Context,
    one: Annotated[str, typer.Argument(metavar="A", help="An entity.")],
    other: Annotated[str, typer.Argument(metavar="B", help="Another one.")],
) -> None:
    """Say that two entities are two things: no search shows them again."""
    frame = frame_of(context)
    frame.knowledge_base().duplicates.dismiss(one, other)
    _say(frame, {"dismissed": [one, other]}, f"{one} and {other} are two")


def _done(frame: Frame, answer: dict[str, Any], text: str, *, wait: bool) -> None:
    from chiasm.cli.waiting import wait_for

    if wait and answer["job"] is not None:
        wait_for(frame, frame.knowledge_base().job(answer["job"]))
    _say(frame, answer, text)


def _say(frame: Frame, answer: dict[str, Any], text: str) -> None:
    if frame.as_json:
        frame.answer(answer)
    else:
        frame.out().print(text, markup=False)


def _show(frame: Frame, pairs: list[dict[str, Any]], about: dict[str, Any]) -> None:
    from chiasm.cli.tables import plain_table

    if frame.as_json:
        frame.answer({**about, "duplicates": pairs})
        return
    rows = [
        (
            pair["confidence"],
            *pair["keys"],
            *pair["titles"],
            [
                f"{modality} {one['signal']} {one['confidence']:.2f}"
                for modality, one in pair["evidence"].items()
            ],
        )
        for pair in pairs
    ]
    columns = ["confidence", "key", "other", "title", "other's title", "evidence"]
    frame.out().print(plain_table(columns, rows, right=["confidence"]))
