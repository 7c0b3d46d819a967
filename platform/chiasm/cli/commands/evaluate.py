"""`chiasm evaluate`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from chiasm.cli.frame import Frame, frame_of, with_frame

__all__ = ["register"]

_MEASURES = ("hit@1", "hit@10", "recall@10", "mrr", "ndcg@10")


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("evaluate")(with_frame(evaluate))


def evaluate(
    context: typer.Context,
    release: Annotated[
        str | None, typer.Option(help="Release to judge; default the one that answers.")
    ] = None,
    page: Annotated[
        Path | None, typer.Option("--report", metavar="FILE.html", help="Write a page with plots as well.")
    ] = None,
) -> None:
    """Judge a release on entities and assets held out from its training."""
    from chiasm.cli.waiting import wait_for

    frame = frame_of(context)
    if page is not None:
        _check(page)
    now = wait_for(frame, frame.knowledge_base().evaluate(release))
    if page is not None:
        from chiasm.client.evaluation_page import evaluation_page

        page.write_text(evaluation_page(now.result), encoding="utf-8")
        frame.note(f"wrote {page}")
    if frame.as_json:
        frame.answer(now.result)
    else:
        _show(frame, now.result)


def _check(page: Path) -> None:
    """Told before the work is done, not after it.

    Raises:
        UsageError: The page could not be written there.
    """
    from chiasm.errors import UsageError

    if page.is_dir() or not page.absolute().parent.is_dir():
        raise UsageError(
            "the page cannot be written there", where=str(page), remedy="name a file in a folder that exists"
        )


def _show(frame: Frame, report: Mapping[str, Any]) -> None:
    from chiasm.cli.tables import fields_table, plain_table

    console = frame.out()
    console.print(fields_table({name: report.get(name) for name in ("release", "snapshot")}))
    rows = [_retrieval_row(row) for row in report.get("retrieval", ())]
    columns = ["query", "target", "from", "into", "n", *_MEASURES, "ci95"]
    console.print(plain_table(columns, rows, right=["n", *_MEASURES]))
    for query, found in (report.get("missing") or {}).items():
        patterns = found.get("patterns")
        if patterns:
            console.print(f"[bold]missing[/bold]: {query} queries, by what entities are known by")
            lines = [[" + ".join(row["present"]), *list(row.values())[1:]] for row in patterns]
            console.print(plain_table(list(patterns[0]), lines))
    for title in ("baselines", "links", "domains"):
        if isinstance(report.get(title), Mapping) and report[title]:
            console.print(f"[bold]{title}[/bold]")
            console.print(fields_table(report[title]))
    for title in ("labels", "students"):
        found = report.get(title)
        if found:
            console.print(f"[bold]{title}[/bold]")
            console.print(plain_table(list(found[0]), [list(row.values()) for row in found]))


def _retrieval_row(row: Mapping[str, Any]) -> list[Any]:
    interval = row.get("ci95")
    return [
        *(row.get(name) for name in ("query", "target", "from", "into", "n")),
        *(row.get(name) for name in _MEASURES),
        interval,
    ]
