"""`chiasm train`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from chiasm.cli.frame import frame_of, with_frame

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("train")(with_frame(train))


def train(
    context: typer.Context,
    recipe: Annotated[str, typer.Option(help="offline, pretrained, or a YAML file.")] = "offline",
    changes: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Change a key of the recipe.")
    ] = None,
    parent: Annotated[
        str | None, typer.Option("--from", metavar="RELEASE", help="Release to start from.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Same seed and data, same release.")] = 0,
    promote: Annotated[
        Literal["gate", "force", "never"],
        typer.Option(help="gate: if it is better; force: in any case; never: leave it a candidate."),
    ] = "gate",
    gate: Annotated[
        Path | None, typer.Option(help="YAML file of gate rules that differ from the shipped ones.")
    ] = None,
    wait: Annotated[bool, typer.Option("--wait/--no-wait", help="Wait until it is judged.")] = True,
) -> None:
    """Train a release on what was ingested, judge it, and let it answer if it passes the gate."""
    from chiasm.cli.commands.ingest import submitted
    from chiasm.cli.tables import fields_table
    from chiasm.cli.waiting import wait_for

    frame = frame_of(context)
    rules = None
    if gate is not None:
        from chiasm.releases.rules import read_gate

        rules = read_gate(gate)
    job = frame.knowledge_base().train(
        recipe,
        seed=seed,
        overrides=assignments(changes or ()),
        promote=False if promote == "never" else promote,
        parent=parent,
        gate=rules,
    )
    if not wait:
        submitted(frame, job.id)
        return
    now = wait_for(frame, job)
    if frame.as_json:
        frame.answer({"job": job.id, **now.result})
    else:
        frame.out().print(fields_table({"job": job.id, **now.result, "took": f"{now.elapsed_s:.0f} s"}))


def assignments(given: list[str] | tuple[str, ...]) -> dict[str, str]:
    """`key=value` options as a mapping.

    Raises:
        UsageError: One has no `=`, or no key.
    """
    from chiasm.errors import UsageError

    pairs = {}
    for text in given:
        name, sign, value = text.partition("=")
        if not sign or not name.strip():
            raise UsageError(f"{text!r} is not an assignment", remedy="write it as key=value")
        pairs[name.strip()] = value.strip()
    return pairs
