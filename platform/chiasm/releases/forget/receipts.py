"""Receipts as JSON: what was forgotten, when, and what nobody can promise."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from chiasm.catalog import Catalog
from chiasm.catalog.models import ForgetReceipt
from chiasm.errors import NotFoundError

__all__ = ["REMAINS", "list_receipts", "note", "read_receipt"]

#: True of every receipt.
REMAINS = (
    "backups, exports and copies that were made of this home, and the files that the entity was ingested from",
    "weights of the releases that were trained on it: train again to be rid of its influence",
    "media of its earlier versions, if it had any: `chiasm doctor --repair` removes what nothing names",
    "what disks and file systems keep of blocks that were overwritten",
)


def read_receipt(catalog: Catalog, workspace_id: int, receipt_id: int) -> dict[str, Any]:
    """A receipt in full.

    Raises:
        NotFoundError: There is no such receipt.
    """
    with catalog.read() as session:
        row = session.get(ForgetReceipt, receipt_id)
    if row is None or row.workspace_id != workspace_id:
        raise NotFoundError(
            "there is no such receipt", where=str(receipt_id), remedy="`chiasm forget --receipts` lists them"
        )
    return _shown(row)


def list_receipts(catalog: Catalog, workspace_id: int) -> list[dict[str, Any]]:
    """All receipts of a workspace, newest first."""
    mine = select(ForgetReceipt).where(ForgetReceipt.workspace_id == workspace_id)
    with catalog.read() as session:
        return [_shown(row) for row in session.scalars(mine.order_by(ForgetReceipt.id.desc()))]


def note(session: Session, receipt_id: int, counts: dict[str, int], remaining: list[str]) -> ForgetReceipt:
    """The receipt with more counted and more that stays, in the caller's write transaction."""
    row = session.get_one(ForgetReceipt, receipt_id)
    known = dict(row.body["counts"])
    for name, count in counts.items():
        known[name] = known.get(name, 0) + count
    stays = [*row.body["remaining"], *(one for one in remaining if one not in row.body["remaining"])]
    row.body = {**row.body, "counts": known, "remaining": stays}
    return row


def _shown(row: ForgetReceipt) -> dict[str, Any]:
    return {
        "receipt": row.id,
        "state": row.state,
        "at": row.created_at,
        "finished_at": row.finished_at,
        "reason": row.reason,
        "job": row.job_id,
        **row.body,
    }
