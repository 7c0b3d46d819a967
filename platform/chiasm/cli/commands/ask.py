"""`chiasm ask`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from chiasm.cli.frame import frame_of, with_frame

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("ask")(with_frame(ask))


def ask(
    context: typer.Context,
    question: Annotated[
        str, typer.Argument(metavar="QUESTION", help='As in "which countries border France?".')
    ],
    count: Annotated[int, typer.Option("-k", min=1, max=1000, help="How many answers.")] = 10,
) -> None:
    """Answer a question in words from the graph, with the statements that say so."""
    from chiasm.cli.tables import plain_table

    frame = frame_of(context)
    answers = frame.knowledge_base().ask(question, k=count)
    if frame.as_json:
        frame.answer(answers.to_dict())
        return
    if answers:
        rows = [
            (
                one["rank"],
                f"{one['score']:.3f}",
                one.get("key"),
                one.get("title", one.get("value")),
                _support(one),
            )
            for one in answers
        ]
        frame.out().print(plain_table(["", "score", "key", "answer", "because"], rows, right=["", "score"]))
    for reading in answers.readings[:3]:
        frame.note(f"understood: {reading['mention']} = {reading['key']}, {' / '.join(reading['path'])}")
    if answers.message:
        frame.note(answers.message)
    shown = len(answers)
    more = f" of {answers.total}; -k shows more" if answers.total > shown else ""
    frame.note(f"{shown} answers{more} in {answers.took_ms:.1f} ms")


def _support(answer: Mapping[str, Any]) -> str:
    return "; ".join(
        f"{fact['subject']} {fact['predicate']} {fact['object'] if 'object' in fact else fact['value']}"
        for fact in answer["support"]
    )
