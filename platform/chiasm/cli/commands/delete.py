"""`chiasm delete`."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from chiasm.cli.frame import Frame, frame_of, with_frame

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("delete")(with_frame(delete))


def delete(
    context: typer.Context,
    keys: Annotated[list[str] | None, typer.Argument(metavar="KEY...", help="Entities.")] = None,
    domain: Annotated[str | None, typer.Option(help="All entities of a domain.")] = None,
    asset: Annotated[list[int] | None, typer.Option(help="One text, picture or sound by its id.")] = None,
    everything: Annotated[bool, typer.Option("--everything", help="All that the workspace holds.")] = False,
    if_revision: Annotated[int | None, typer.Option(help="Only if the entity still has it.")] = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    wait: Annotated[bool, typer.Option("--wait/--no-wait", help="Wait until all is deleted.")] = True,
) -> None:
    """Take entities out of every search. See `chiasm forget` for removing their traces too."""
    from chiasm.errors import UsageError

    frame = frame_of(context)
    if sum(map(bool, (keys, domain, asset, everything))) != 1:
        raise UsageError(
            "one thing at a time",
            where="chiasm delete",
            remedy="name keys, --domain D, --asset ID or --everything",
        )
    kb = frame.knowledge_base()
    if keys or asset:
        if keys:
            kb.delete(*keys, if_revision=if_revision)
        for asset_id in asset or ():
            kb.delete_asset(asset_id)
        _say(frame, {"deleted": len(keys or asset or ())})
        return
    _confirm(f"domain {domain!r}" if domain else "everything in the workspace", yes=yes)
    _clear(frame, domain, wait=wait)


def _clear(frame: Frame, domain: str | None, *, wait: bool) -> None:
    from chiasm.cli.commands.ingest import submitted
    from chiasm.cli.waiting import wait_for

    kb = frame.knowledge_base()
    job = kb.delete_domain(domain) if domain is not None else kb.clear()
    if not wait:
        submitted(frame, job.id)
        return
    now = wait_for(frame, job)
    _say(frame, {"job": job.id, "deleted": now.result.get("deleted", 0)})


def _say(frame: Frame, answer: dict[str, int]) -> None:
    if frame.as_json:
        frame.answer(answer)
    else:
        frame.out().print(f"{answer['deleted']} deleted")


def _confirm(what: str, *, yes: bool) -> None:
    from chiasm.errors import UsageError

    if yes:
        return
    if not sys.stdin.isatty():
        raise UsageError(f"this deletes {what}", where="chiasm delete", remedy="say --yes")
    typer.confirm(f"Delete {what}?", abort=True, err=True)
