"""`chiasm train`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from chiasm.cli.frame import Frame, frame_of, with_frame

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
    at_once: Annotated[
        bool,
        typer.Option(
            "--at-once",
            help="Answer once judged: what is still to be made stands in, mapped from the one before.",
        ),
    ] = False,
    wait: Annotated[bool, typer.Option("--wait/--no-wait", help="Wait until it is judged.")] = True,
    advise: Annotated[
        bool, typer.Option("--advise", help="Only propose recipe, encoders, batch and time to expect.")
    ] = False,
) -> None:
    """Train a release on what was ingested, judge it, and let it answer if it passes the gate."""
    from chiasm.cli.commands.ingest import submitted
    from chiasm.cli.tables import fields_table
    from chiasm.cli.waiting import wait_for

    frame = frame_of(context)
    if advise:
        _show_advice(frame, frame.knowledge_base().advise())
        return
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
        at_once=at_once,
    )
    if not wait:
        submitted(frame, job.id)
        return
    now = wait_for(frame, job)
    if frame.as_json:
        frame.answer({"job": job.id, **now.result})
    else:
        frame.out().print(fields_table({"job": job.id, **now.result, "took": f"{now.elapsed_s:.0f} s"}))


def _show_advice(frame: Frame, advice: Mapping[str, Any]) -> None:
    from chiasm.cli.tables import fields_table

    if frame.as_json:
        frame.answer(advice)
        return
    data, machine, proposal, expected = (advice[name] for name in ("data", "machine", "proposal", "expected"))
    console = frame.out()
    devices = ", ".join(one["name"] for one in machine["devices"]) or "no GPU"
    held = {name: data[name] for name in ("entities", "stubs", "text", "image", "audio", "edges")}
    held["machine"] = (
        f"{machine['cores']} cores, {machine['memory_gib']} GiB, {machine['gflops']:.0f} GFLOP/s, {devices}"
    )
    held["encoders"] = "; ".join(f"{modality}: {spec}" for modality, spec in proposal["encoders"].items())
    held["minutes"] = f"{expected['minutes']} ({expected['low']} to {expected['high']}): {expected['by']}"
    console.print(fields_table(held))
    for reason in advice["reasons"]:
        console.print(f"- {reason}", markup=False)
    for warning in advice["warnings"]:
        console.print(f"! {warning}", markup=False, style="yellow")
    console.print(proposal["command"], markup=False, style="bold", soft_wrap=True)


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
