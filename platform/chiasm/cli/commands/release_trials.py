"""`chiasm releases preview | card | canary | trials | queries`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from chiasm.cli.frame import frame_of, with_frame

__all__ = ["register"]

ReleaseName = Annotated[str, typer.Argument(metavar="ID", help="As in r7.")]
saved = typer.Typer(no_args_is_help=True, help="Queries that previews ask.")


def register(group: typer.Typer) -> None:
    """Add the commands to `chiasm releases`."""
    for name, command in (("preview", preview), ("card", card), ("canary", canary), ("trials", trials)):
        group.command(name)(with_frame(command))
    group.add_typer(saved, name="queries")


def preview(
    context: typer.Context,
    release: ReleaseName,
    against: Annotated[str | None, typer.Option(metavar="ID", help="Default: the active one.")] = None,
    queries: Annotated[int, typer.Option(help="Asked at most.")] = 100,
    k: Annotated[int, typer.Option("-k", help="Hits compared of each query.")] = 10,
    html: Annotated[Path | None, typer.Option(help="Write a page that opens in any browser.")] = None,
) -> None:
    """Show what would change if this release answered: saved and recent queries, side by side."""
    frame = frame_of(context)
    found = frame.knowledge_base().releases.preview(release, against=against, queries=queries, k=k)
    if html is not None:
        from chiasm.client.preview_page import preview_page

        html.write_text(preview_page(found), encoding="utf-8")
        frame.note(f"written to {html}")
    if frame.as_json:
        frame.answer(found)
    elif html is None:
        _print(frame, found)


def card(context: typer.Context, release: ReleaseName) -> None:
    """Print a release's model card, in Markdown."""
    frame = frame_of(context)
    text = frame.knowledge_base().releases.card(release)
    if frame.as_json:
        frame.answer({"markdown": text})
    else:
        typer.echo(text, nl=False)


def canary(
    context: typer.Context,
    release: Annotated[str | None, typer.Argument(metavar="ID", help="As in r7.")] = None,
    share: Annotated[float | None, typer.Option(help="Of the searches, above 0 to 1; default 0.1.")] = None,
    shadow: Annotated[bool, typer.Option("--shadow", help="Ask it too, but never show its answers.")] = False,
    stop: Annotated[bool, typer.Option("--stop", help="End what is on.")] = False,
) -> None:
    """Let a release answer a share of the searches, or be asked in silence; nothing of it is for ever."""
    from chiasm.cli.tables import fields_table
    from chiasm.errors import UsageError

    frame = frame_of(context)
    releases = frame.knowledge_base().releases
    if stop == (release is not None):
        raise UsageError(
            "say which release, or --stop", where="canary", remedy="chiasm releases canary r7 --share 0.1"
        )
    if release is None:
        found = releases.stop()
    elif shadow:
        found = releases.shadow(release, share=1.0 if share is None else share)
    else:
        found = releases.canary(release, share=0.1 if share is None else share)
    if frame.as_json:
        frame.answer(found)
    else:
        frame.out().print(fields_table(found))


def trials(context: typer.Context) -> None:
    """Show watches, canaries and shadows, newest first, with what was seen of both releases."""
    from chiasm.cli.tables import ago, plain_table

    frame = frame_of(context)
    rows = frame.knowledge_base().releases.trials()
    if frame.as_json:
        frame.answer(rows)
        return
    figures = ("searches", "failed", "p50_ms", "p95_ms")
    cells = [
        (
            *(row["kind"], row["release"], row["state"], ago(row["started_at"])),
            *(row["result"].get("why"), name, *(seen[one] for one in figures)),
        )
        for row in rows
        for name, seen in row["seen"].items()
    ]
    head = ["trial", "of", "state", "began", "ended", "release", "searches", "failed", "p50 ms", "p95 ms"]
    frame.out().print(plain_table(head, cells))


@saved.command("list")
@with_frame
def list_queries(context: typer.Context) -> None:
    """Show the queries that previews ask."""
    from chiasm.cli.tables import ago, plain_table

    frame = frame_of(context)
    rows = frame.knowledge_base().releases.queries()
    if frame.as_json:
        frame.answer(rows)
        return
    cells = [
        (
            row["name"] or "(recent)",
            row["query"].get("text") or row["query"].get("entity"),
            row["query"].get("into"),
            ago(row["created_at"]),
        )
        for row in rows
    ]
    frame.out().print(plain_table(["name", "query", "into", "kept"], cells))


@saved.command("add")
@with_frame
def add_query(
    context: typer.Context,
    name: str,
    text: Annotated[str | None, typer.Argument()] = None,
    entity: Annotated[str | None, typer.Option(metavar="KEY", help="An entity instead of a text.")] = None,
    into: Annotated[str | None, typer.Option(metavar="DOMAIN")] = None,
) -> None:
    """Save a query under a name."""
    frame = frame_of(context)
    row = frame.knowledge_base().releases.save_query(name, text=text, entity=entity, into=into)
    if frame.as_json:
        frame.answer(row)
    else:
        frame.out().print(f"{row['name']} is saved")


@saved.command("remove")
@with_frame
def remove_query(context: typer.Context, name: str) -> None:
    """Remove a saved query."""
    frame = frame_of(context)
    frame.knowledge_base().releases.drop_query(name)
    if frame.as_json:
        frame.answer({"removed": name})
    else:
        frame.out().print(f"{name} is removed")


def _print(frame: Any, found: dict[str, Any]) -> None:
    from chiasm.cli.tables import plain_table

    churn, out = found["churn"], frame.out()
    out.print(
        f"{found['a']} against {found['b']}: {found['n']} queries, {churn['mean']:.1%} of the hits are others, "
        f"the best one is the same for {churn['same_best']:.1%}"
    )
    for what in ("domains", "modalities"):
        cells = [(row["name"] or "-", row["b"], row["a"], f"{row['change']:+d}") for row in found[what]]
        out.print(plain_table([what, found["b"], found["a"], "change"], cells))
    for one in found["changed"]:
        said = one["query"].get("text") or one["query"].get("entity")
        pairs = [
            (number + 1, *(_named(one[side], number) for side in ("b", "a")))
            for number in range(max(len(one["a"]), len(one["b"])))
        ]
        frame.out().print(str(said)[:120], markup=False, style="bold")
        out.print(plain_table([f"{one['churn']:.0%}", found["b"], found["a"]], pairs))


def _named(hits: list[dict[str, Any]], number: int) -> str:
    if number >= len(hits):
        return ""
    hit = hits[number]
    moved = "new" if hit["other_rank"] is None else f"also {hit['other_rank']}"
    return f"{hit['title'] or hit['key']} ({moved})"
