"""`python -m examples.emoji`: the demo; `python -m examples.emoji catalogue`: only its catalogue."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer
from examples.emoji.run import Options, clear, run
from examples.emoji.sources.packages import find_system_files
from examples.emoji.stages import Stages
from rich.console import Console

app = typer.Typer(add_completion=False, no_args_is_help=False, help=__doc__)

Limit = Annotated[int | None, typer.Option(min=1, help="Entities at most, spread over all groups.")]


@app.command("run")
def run_demo(
    work: Annotated[Path, typer.Option(help="Folder for catalogue, home and report.")] = Path("demo-home"),
    fresh: Annotated[
        bool, typer.Option("--fresh", help="Begin anew: forget catalogue, home, report.")
    ] = False,
    retrain: Annotated[bool, typer.Option("--retrain", help="Train even if a release is active.")] = False,
    limit: Limit = None,
    seed: int = 0,
    recipe: str = "offline",
    overrides: Annotated[list[str] | None, typer.Option("--set", help="Recipe key=value.")] = None,
) -> None:
    """Build the catalogue, ingest, train, evaluate, ask, and write the report."""
    from chiasm import ChiasmError

    console = Console()
    if fresh:
        clear(work)
    changes = dict(_pair(one) for one in overrides or ())
    options = Options(work, limit, seed, recipe, changes, retrain=retrain)
    try:
        run(options, console)
    except ChiasmError as error:
        Console(stderr=True).print(f"[red]{error}[/red]", highlight=False, soft_wrap=True)
        raise typer.Exit(error.exit_status) from error


@app.command("catalogue")
def catalogue_only(out: Annotated[Path, typer.Option(help="Folder to write.")], limit: Limit = None) -> None:
    """Only make the catalogue: manifest, pictures, recordings, queries for judging."""
    from examples.emoji.catalogue import build_catalogue

    stages = Stages(Console())
    with stages.step("Catalogue") as stage:
        summary = build_catalogue(out, find_system_files(), limit=limit, report=stage.report)
        stage.outcome = summary.describe()
    stages.missing(summary.missing)


def _pair(setting: str) -> tuple[str, str]:
    name, equals, value = setting.partition("=")
    if not equals:
        raise typer.BadParameter(f"{setting!r} is not key=value", param_hint="--set")
    return name, value


def main() -> None:
    """Run; without a command, the whole demo."""
    arguments = sys.argv[1:]
    if not arguments or (arguments[0].startswith("-") and arguments[0] != "--help"):
        arguments = ["run", *arguments]
    app(arguments)


if __name__ == "__main__":
    main()
