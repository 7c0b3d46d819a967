"""`chiasm classify`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from chiasm.cli.frame import frame_of, with_frame

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("classify")(with_frame(classify))


def classify(
    context: typer.Context,
    labels: Annotated[str | None, typer.Option(metavar="A,B,C", help="Labels to choose from.")] = None,
    text: Annotated[list[str] | None, typer.Option(help="Words of the thing.")] = None,
    image: Annotated[list[Path] | None, typer.Option(help="A picture of it.")] = None,
    audio: Annotated[list[Path] | None, typer.Option(help="A sound of it.")] = None,
    examples: Annotated[
        list[str] | None,
        typer.Option(metavar="LABEL=KEY,KEY", help="Entities that have a label; may be repeated."),
    ] = None,
    by: Annotated[str | None, typer.Option(metavar="ATTRIBUTE", help="Its values are the labels.")] = None,
    count: Annotated[int, typer.Option("-k", min=1, max=1000, help="Show so many labels.")] = 10,
) -> None:
    """Choose the label that fits a text, a picture or a sound best."""
    from chiasm.cli.tables import plain_table

    frame = frame_of(context)
    answer = frame.knowledge_base().classify(
        text or None,
        image=image or None,
        audio=audio or None,
        labels=[label.strip() for label in labels.split(",")] if labels else (),
        examples=_examples(examples or ()),
        by=by,
    )
    if frame.as_json:
        frame.answer(answer)
        return
    rows = [
        (one["label"], f"{one['probability']:.3f}", f"{one['score']:.3f}", one["examples"])
        for one in answer["labels"][:count]
    ]
    if rows:
        columns = ["label", "probability", "score", "examples"]
        frame.out().print(plain_table(columns, rows, right=columns[1:]))
    for warning in answer["warnings"]:
        frame.note(warning)
    if answer["accuracy"] is not None:
        frame.note(f"examples that are left out get their own label in {answer['accuracy']:.1%}")


def _examples(given: list[str] | tuple[str, ...]) -> dict[str, list[str]]:
    from chiasm.errors import UsageError

    found: dict[str, list[str]] = {}
    for one in given:
        label, sign, keys = one.partition("=")
        if not sign or not label.strip() or not keys.strip():
            raise UsageError(
                f"{one[:80]!r} names no entities of a label", where="--examples", remedy="write LABEL=KEY,KEY"
            )
        found.setdefault(label.strip(), []).extend(key.strip() for key in keys.split(",") if key.strip())
    return found
