"""The whole demo: catalogue, ingest, training, evaluation, questions, report."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from examples.emoji import tables
from examples.emoji.catalogue import MANIFEST, Summary, build_catalogue, load_summary
from examples.emoji.evaluation import figures_of, links_of
from examples.emoji.gather import Answers, gather, map_points, read_records
from examples.emoji.judging import judge
from examples.emoji.questions import ask, make_questions
from examples.emoji.report.page import write_report
from examples.emoji.sources.packages import find_system_files
from examples.emoji.stages import Stages
from rich.console import Console

__all__ = ["Options", "clear", "prepare_catalogue", "run"]


@dataclass(frozen=True)
class Options:
    """How to run the demo."""

    #: Folder of the catalogue, the home and the report.
    work: Path = Path("demo-home")
    #: Entities at most; None for all.
    limit: int | None = None
    seed: int = 0
    recipe: str = "offline"
    #: Recipe key -> value.
    overrides: Mapping[str, str] | None = None
    #: Kept-aside queries of each kind at most.
    judged: int = 200
    #: Whether to train even if a release is active.
    retrain: bool = False

    @property
    def catalogue(self) -> Path:
        """Folder of the catalogue."""
        return self.work / "catalogue"

    @property
    def home(self) -> Path:
        """The knowledge base's home."""
        return self.work / "home"

    @property
    def report(self) -> Path:
        """The report's file."""
        return self.work / "report.html"


def run(options: Options, console: Console) -> Path:
    """Runs every step and returns the report's path."""
    import chiasm

    stages = Stages(console)
    console.print("[bold]Chiasm[/bold]: every emoji as text, picture, spoken name and graph, in one space")
    summary = prepare_catalogue(options, stages)
    records = read_records(options.catalogue / MANIFEST)
    with stages.step("Home", f"chiasm init {options.home}") as stage:
        kb = chiasm.open(options.home)
        stage.outcome = f"catalog, blobs, spaces, models and queue lie in {options.home}"
    try:
        _ingest(kb, options, stages)
        release = _train(kb, options, stages)
        with stages.step("Evaluate", "chiasm evaluate --json") as stage:
            evaluation = kb.evaluate().wait(watch=stage.watch).result
            figures = figures_of(evaluation)
            stage.outcome = f"{len(figures)} pairs of query and target on held-out data"
        tables.show_gains(console, figures)
        with stages.step("Ask") as stage:
            examples = tuple(ask(kb, question) for question in make_questions(options.catalogue, records))
            judged = judge(kb, options.catalogue, limit=options.judged, report=stage.report)
            kept = sum(one.queries for one in judged)
            stage.outcome = f"{len(examples)} example queries and {kept} that were kept aside"
        tables.show_examples(console, examples)
        tables.show_judged(console, judged)
    finally:
        kb.close()
    with stages.step("Map") as stage:
        points = map_points(options.home, records, options.seed)
        stage.outcome = f"{len(points):,} fused vectors laid out by PCA and t-SNE"
    with stages.step("Report") as stage:
        answers = Answers(release, figures, links_of(evaluation), examples, judged, points)
        page = gather(options.catalogue, records, summary, tuple(stages.done), answers)
        size = write_report(page, options.report)
        stage.outcome = f"{options.report} ({size / 1e6:.1f} MB, opens in any browser)"
    total = sum(step.seconds for step in stages.done)
    console.print(f"\n[bold]All done[/bold] in {total:.0f} s: open {options.report}", soft_wrap=True)
    console.print(
        f'Ask it yourself: .venv/bin/chiasm search "rainy day" --home {options.home}',
        soft_wrap=True,
        highlight=False,
    )
    return options.report


def prepare_catalogue(options: Options, stages: Stages) -> Summary:
    """The catalogue, built unless the same packages made it before."""
    files = find_system_files()
    command = f"python -m examples.emoji catalogue --out {options.catalogue}"
    with stages.step("Catalogue", command) as stage:
        summary = load_summary(options.catalogue, files, options.limit)
        kept = " (kept from an earlier run)" if summary else ""
        if summary is None:
            summary = build_catalogue(options.catalogue, files, limit=options.limit, report=stage.report)
        stage.outcome = f"{summary.describe()}{kept}"
    stages.missing(summary.missing)
    return summary


def clear(work: Path) -> None:
    """Removes what earlier runs left, and nothing else."""
    for name in ("catalogue", "home"):
        shutil.rmtree(work / name, ignore_errors=True)
    (work / "report.html").unlink(missing_ok=True)


def _ingest(kb: Any, options: Options, stages: Stages) -> None:
    manifest = options.catalogue / MANIFEST
    with stages.step("Ingest", f"chiasm ingest {manifest}") as stage:
        job = kb.ingest(manifest).wait(watch=stage.watch)
        counts = [f"{value:,} {name}" for name, value in job.result.items() if isinstance(value, int)]
        stage.outcome = ", ".join(counts).replace("_", " ")
    for failure in job.failures[:5]:
        stages.note(str(failure))


def _train(kb: Any, options: Options, stages: Stages) -> str:
    active = next((row["release"] for row in kb.releases.list() if row["state"] == "active"), None)
    if active is not None and not options.retrain:
        stages.note(f"release {active} is active and stays; --retrain trains another", style="cyan")
        return str(active)
    with stages.step("Train", f"chiasm train --recipe {options.recipe} --seed {options.seed}") as stage:
        job = kb.train(options.recipe, seed=options.seed, overrides=options.overrides)
        result = job.wait(watch=stage.watch).result
        stage.outcome = f"release {result['release']} is {result['state']}"
    return str(result["release"])
