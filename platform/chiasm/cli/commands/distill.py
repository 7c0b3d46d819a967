"""`chiasm distill`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from chiasm.cli.frame import Frame, frame_of, with_frame

__all__ = ["register"]

_MORE = {"text": "Allow more, or teach with more texts (--corpus)"}
_COLUMNS = ("name", "parameters", "mb", "ms", "retention", "hit@10", "train_s", "verdict")


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("distill")(with_frame(distill))


def distill(
    context: typer.Context,
    max_mb: Annotated[float, typer.Option(help="Megabytes that the student may have.")],
    max_ms: Annotated[float, typer.Option(help="Milliseconds of one query on one core.")],
    modality: Annotated[str, typer.Option(help="text, image or audio.")] = "text",
    min_retention: Annotated[float, typer.Option(help="Share of its teacher's hit@10 that it keeps.")] = 0.95,
    release: Annotated[
        str | None, typer.Option(help="Whose encoder teaches; default the one that answers.")
    ] = None,
    kinds: Annotated[
        list[str] | None,
        typer.Option(
            "--kind",
            help="static, lstm, transformer (text), residual, mobile (image, audio), or one net as static-128: try "
            "these only; may be repeated.",
        ),
    ] = None,
    corpus: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Further texts to teach a text student with, one a line."),
    ] = None,
    changes: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Change an option of the training.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Same seed and data, same student.")] = 0,
    wait: Annotated[bool, typer.Option("--wait/--no-wait", help="Wait for the job.")] = True,
) -> None:
    """Find the smallest encoder within a budget that finds what its large teacher finds, and let it ask."""
    from chiasm.cli.commands.ingest import submitted
    from chiasm.cli.commands.train import assignments
    from chiasm.cli.waiting import wait_for

    frame = frame_of(context)
    job = frame.knowledge_base().distill(
        max_mb=max_mb,
        max_ms=max_ms,
        modality=modality,
        min_retention=min_retention,
        release=release,
        kinds=kinds or (),
        corpus=corpus,
        overrides=assignments(changes or ()),
        seed=seed,
    )
    if not wait:
        submitted(frame, job.id)
        return
    now = wait_for(frame, job)
    if frame.as_json:
        frame.answer({"job": job.id, **now.result})
    else:
        _show(frame, now.result)
    if not now.result.get("student"):
        raise typer.Exit(1)


def _show(frame: Frame, result: Mapping[str, Any]) -> None:
    from chiasm.cli.tables import fields_table, plain_table

    console = frame.out()
    rows = [[trial.get(name) for name in _COLUMNS] for trial in result["trials"]]
    console.print(plain_table(list(_COLUMNS), rows, right=list(_COLUMNS[1:-1])))
    frame.note(
        f"teacher: {result['teacher']['parameters']:,} parameters, {result['teacher']['ms']} ms a query"
    )
    student, best, budget = result["student"], result["best"], result["budget"]
    if student:
        console.print(fields_table(student))
        frame.note(f"{student['name']} encodes queries of {result['release']} from now on")
    elif best:
        frame.note(
            f"none keeps {budget['min_retention']:.0%}: the best within {budget['max_mb']:g} MB and "
            f"{budget['max_ms']:g} ms is {best['name']} with {best['retention']:.1%}; nothing was changed. "
            + _MORE.get(result["modality"], "Allow more, or ask the teacher more (--set lessons=100000)")
        )
    else:
        frame.note(
            f"none fits into {budget['max_mb']:g} MB and {budget['max_ms']:g} ms; nothing was changed. Allow more"
        )
