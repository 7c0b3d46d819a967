"""`chiasm forget`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from chiasm.cli.frame import Frame, frame_of, with_frame

if TYPE_CHECKING:
    from chiasm.client import KnowledgeBase

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("forget")(with_frame(forget))


def forget(
    context: typer.Context,
    keys: Annotated[list[str] | None, typer.Argument(metavar="KEY...", help="Entities.")] = None,
    reason: Annotated[str | None, typer.Option(help="Why, for the receipt.")] = None,
    receipt: Annotated[int | None, typer.Option(metavar="ID", help="Show a receipt again.")] = None,
    receipts: Annotated[bool, typer.Option("--receipts", help="List all receipts.")] = False,
    wait: Annotated[bool, typer.Option("--wait/--no-wait", help="Wait until every trace is gone.")] = True,
) -> None:
    """Delete entities and remove every trace of them from the home; print a receipt."""
    from chiasm.errors import UsageError

    frame = frame_of(context)
    if sum(map(bool, (keys, receipt is not None, receipts))) != 1:
        raise UsageError(
            "nothing to forget", where="chiasm forget", remedy="name keys, --receipt ID or --receipts"
        )
    kb = frame.knowledge_base()
    if receipts:
        _list(frame, kb.receipts())
    elif receipt is not None:
        _show(frame, kb.receipt(receipt))
    else:
        _show(frame, _forgotten(frame, kb, keys or [], reason, wait=wait))


def _forgotten(
    frame: Frame, kb: KnowledgeBase, keys: list[str], reason: str | None, *, wait: bool
) -> dict[str, Any]:
    from chiasm.cli.waiting import wait_for

    asked = kb.forget(*keys, reason=reason, wait=False)
    if wait:
        wait_for(frame, kb.job(asked["job"]))
    return kb.receipt(asked["receipt"])


def _list(frame: Frame, rows: list[dict[str, Any]]) -> None:
    from chiasm.cli.tables import ago, plain_table

    if frame.as_json:
        frame.answer(rows)
        return
    cells = [
        (row["receipt"], row["state"], ago(row["at"]), row["counts"].get("entities"), row["reason"])
        for row in rows
    ]
    frame.out().print(plain_table(["receipt", "state", "when", "entities", "reason"], cells))


def _show(frame: Frame, row: dict[str, Any]) -> None:
    from chiasm.cli.tables import ago, fields_table

    if frame.as_json:
        frame.answer(row)
        return
    shown = {
        "receipt": row["receipt"],
        "state": row["state"],
        "when": ago(row["at"]),
        "reason": row["reason"],
    }
    shown |= {name.replace("_", " "): count for name, count in row["counts"].items()}
    shown["trained on it"] = [one["release"] for one in row["releases"]] or None
    frame.out().print(fields_table(shown))
    for line in row["remaining"]:
        frame.note(f"remains: {line}")
