"""`chiasm backup`, `chiasm restore` and `chiasm export`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from chiasm.cli.frame import frame_of, with_frame

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("backup")(with_frame(backup))
    app.command("restore")(with_frame(restore))
    app.command("export")(with_frame(export))


def backup(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="As in home.tar, home.tar.gz, home.tar.zst.")],
) -> None:
    """Write the whole home into one checked file, while work goes on; chiasm.toml is not part of it."""
    from chiasm.cli.working import shown

    frame = frame_of(context)
    base = frame.knowledge_base()
    with shown(frame, "backup") as watch:
        report = base.backup(file, watch=watch)
    if frame.as_json:
        frame.answer(report)
        return
    size = f"{report['bytes'] / 1e6:,.1f} MB, {report['seconds']:.1f} s"
    frame.out().print(f"{_contents(report)} in {report['file']} ({size})", soft_wrap=True)


def restore(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="What `chiasm backup` wrote.")],
) -> None:
    """Bring a backup into an empty home (`--home`) or database; everything is checked first."""
    from chiasm.cli.working import shown
    from chiasm.client import restore_embedded

    frame = frame_of(context)
    with shown(frame, "restore") as watch:
        report = restore_embedded(file, frame.home, watch=watch)
    if frame.as_json:
        frame.answer(report)
        return
    frame.out().print(f"{_contents(report)} in {report['home']} ({report['seconds']:.1f} s)", soft_wrap=True)
    frame.note("work that was not done goes on as soon as a worker runs (`chiasm worker`)")


def export(
    context: typer.Context,
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A new folder.")],
    form: Annotated[
        str, typer.Option("--format", "-f", help="jsonl, parquet, ntriples or graphml.")
    ] = "jsonl",
) -> None:
    """Write entities, media and statements as files; jsonl and parquet ingest back equal."""
    from chiasm.cli.working import shown

    frame = frame_of(context)
    base = frame.knowledge_base()
    with shown(frame, "export") as watch:
        report = base.export(folder, format=form, watch=watch)
    if frame.as_json:
        frame.answer(report)
        return
    counts = report["counts"]
    listed = ", ".join(f"{count:,} {name}" for name, count in counts.items() if name != "left_out")
    frame.out().print(
        f"{listed or 'nothing'} in {report['folder']} ({report['seconds']:.1f} s)", soft_wrap=True
    )
    if counts.get("left_out"):
        frame.note(f"{counts['left_out']:,} items were derived or have no place in this format")
    frame.note("to ingest them: chiasm ingest " + " ".join(str(folder / name) for name in report["files"]))


def _contents(report: dict[str, Any]) -> str:
    return f"{sum(report['tables'].values()):,} rows and {sum(report['files'].values()):,} files"
