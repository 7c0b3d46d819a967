"""`chiasm doctor`."""

from __future__ import annotations

import typer

from chiasm.cli.frame import frame_of, with_frame

__all__ = ["register"]

_MARKS = {"ok": "[green]ok[/green]", "warning": "[yellow]warning[/yellow]", "problem": "[red]problem[/red]"}


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("doctor")(with_frame(doctor))


def doctor(context: typer.Context) -> None:
    """Check the installation and the home; exit status 1 if something is broken."""
    from chiasm.cli.examination import examine
    from chiasm.cli.tables import plain_table

    frame = frame_of(context)
    findings = examine(frame.open_home())
    healthy = all(finding.level != "problem" for finding in findings)
    if frame.as_json:
        frame.answer({"healthy": healthy, "checks": [vars(finding) for finding in findings]})
    else:
        from rich.text import Text

        rows = [
            (Text.from_markup(_MARKS[finding.level]), finding.check, finding.what, finding.remedy or "")
            for finding in findings
        ]
        frame.out().print(plain_table(["", "check", "found", "do"], rows))
    if not healthy:
        raise typer.Exit(1)
