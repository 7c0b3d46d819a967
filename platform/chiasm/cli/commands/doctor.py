"""`chiasm doctor`."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from chiasm.cli.frame import frame_of, with_frame

__all__ = ["register"]

_MARKS = {"ok": "[green]ok[/green]", "warning": "[yellow]warning[/yellow]", "problem": "[red]problem[/red]"}
_REPAIRED = "[green]repaired[/green]"


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("doctor")(with_frame(doctor))


def doctor(
    context: typer.Context,
    repair: Annotated[
        bool, typer.Option("--repair", help="Mend what is derived; say what was done.")
    ] = False,
    full: Annotated[bool, typer.Option("--full", help="Read every blob whole, not only a sample.")] = False,
) -> None:
    """Check the installation and the home; exit status 1 if something is broken."""
    frame = frame_of(context)
    report = frame.knowledge_base().doctor(repair=repair, full=full)
    if frame.as_json:
        frame.answer(report)
    else:
        from rich.text import Text

        from chiasm.cli.tables import plain_table

        rows = [_row(finding) for finding in report["checks"]]
        marked = [(Text.from_markup(mark), *rest) for mark, *rest in rows]
        frame.out().print(plain_table(["", "check", "found", "do"], marked))
        for job_id in report["jobs"]:
            frame.note(f"job {job_id} computes again what was dropped; see `chiasm jobs show {job_id}`")
    if not report["healthy"]:
        raise typer.Exit(1)


def _row(finding: dict[str, Any]) -> tuple[str, str, str, str]:
    if finding["repaired"] is not None:
        return _REPAIRED, finding["check"], finding["what"], finding["repaired"]
    return _MARKS[finding["level"]], finding["check"], finding["what"], finding["remedy"] or ""
